//! One loop, compiled for each kind of processor, chosen at run time.

/// Defines a function whose body is compiled three times on x86-64: for AVX-512, for AVX2 with FMA, and for the
/// baseline. Elsewhere only the baseline exists.
///
/// The body is a generic function `body::<T, FUSED>`; `FUSED` says whether a multiply and an add may be one
/// instruction, which is slow in software and therefore never asked of a processor that lacks it.
macro_rules! dispatched {
    ($(#[$meta:meta])* $vis:vis fn $name:ident<$T:ident>($($arg:ident: $type:ty),* $(,)?) $(-> $ret:ty)? => $body:ident) => {
        $(#[$meta])*
        $vis fn $name<$T: $crate::Real>($($arg: $type),*) $(-> $ret)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
                fn wide<$T: $crate::Real>($($arg: $type),*) $(-> $ret)? {
                    $body::<$T, true>($($arg),*)
                }
                #[target_feature(enable = "avx2,fma")]
                fn middle<$T: $crate::Real>($($arg: $type),*) $(-> $ret)? {
                    $body::<$T, true>($($arg),*)
                }
                match $crate::simd::level() {
                    // SAFETY: `level` has found every feature that `wide` is compiled for.
                    $crate::simd::Level::Avx512 => return unsafe { wide::<$T>($($arg),*) },
                    // SAFETY: `level` has found every feature that `middle` is compiled for.
                    $crate::simd::Level::Avx2 => return unsafe { middle::<$T>($($arg),*) },
                    $crate::simd::Level::Baseline => {}
                }
            }
            $body::<$T, { $crate::simd::BASELINE_FUSES }>($($arg),*)
        }
    };
}
pub(crate) use dispatched;

/// Whether the baseline of the target has a fused multiply-add.
pub(crate) const BASELINE_FUSES: bool = cfg!(any(target_arch = "aarch64", target_feature = "fma"));

/// What the processor at hand offers.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Avx512,
    Avx2,
    Baseline,
}

/// The best level the processor supports. Detected once, then read from a cache by the standard library.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(crate) fn level() -> Level {
    let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    let avx512 = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512bw");
    match (avx512 && avx2, avx2) {
        (true, _) => Level::Avx512,
        (_, true) => Level::Avx2,
        _ => Level::Baseline,
    }
}

/// `a b + c`, with one rounding if `FUSED`.
#[inline(always)]
pub(crate) fn multiply_add<T: crate::Real, const FUSED: bool>(a: T, b: T, c: T) -> T {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}
