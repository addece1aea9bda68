/* MKL takes its AVX-512 instructions only where it believes the chip to be Intel's. Loaded before it, this says so:

   cc -shared -o build/mkl_as_on_intel.so benchmarks/kernels/mkl_as_on_intel.c
   LD_PRELOAD=build/mkl_as_on_intel.so regard bench kernels --only as-on-intel */
int mkl_serv_intel_cpu_true(void) { return 1; }
