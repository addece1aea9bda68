"""The benchmark of kernels: Regard and its peers on the same tensors, interleaved in one process."""
