"""Kernels in C++ for CPUs: found, loaded and made operators of PyTorch."""
