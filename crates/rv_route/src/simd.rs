//! Runs kernels with the widest vectors that the processor has.

/// Runs `kernel` compiled for AVX2 where the processor has it. Integer results are the same
/// either way. `kernel` and what it calls must be inlined to gain from it.
#[inline(always)]
pub(crate) fn wide<R>(kernel: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has just said that it has AVX2, all that `with_avx2` asks for.
        #[expect(unsafe_code, reason = "the only way to call a function compiled for AVX2")]
        return unsafe { with_avx2(kernel) };
    }
    kernel()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn with_avx2<R>(kernel: impl FnOnce() -> R) -> R {
    kernel()
}
