//! Runs kernels with the widest vectors that the processor has.

/// Work that gains from wide vectors. `run` and all that it calls must be `#[inline(always)]`, or
/// it is compiled for the plainest processor.
pub(crate) trait Kernel {
    /// What it computes.
    type Output;
    /// Does the work.
    fn run(self) -> Self::Output;
}

/// Runs a kernel compiled for AVX2 where the processor has it. Integer results are the same
/// either way.
pub(crate) fn wide<K: Kernel>(kernel: K) -> K::Output {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has just said that it has AVX2, all that `with_avx2` asks for.
        #[expect(unsafe_code, reason = "the only way to call a function compiled for AVX2")]
        return unsafe { with_avx2(kernel) };
    }
    kernel.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn with_avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}
