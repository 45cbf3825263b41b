//! One loop, compiled for each kind of processor, chosen at run time.

/// A kind of processor, as far as the loops care.
pub trait Isa {
    /// Whether a multiply and an add may be one instruction. In software that is slow, so a processor that lacks it is
    /// never asked.
    const FUSED: bool;
    /// The size of a vector register.
    const VECTOR_BYTES: usize;
}

/// x86-64 with AVX-512 (F, VL, DQ, BW).
#[cfg(target_arch = "x86_64")]
pub(crate) struct Avx512;

/// x86-64 with AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
pub(crate) struct Avx2;

/// Whatever the compilation target guarantees.
pub(crate) struct Baseline;

#[cfg(target_arch = "x86_64")]
impl Isa for Avx512 {
    const FUSED: bool = true;
    const VECTOR_BYTES: usize = 64;
}

#[cfg(target_arch = "x86_64")]
impl Isa for Avx2 {
    const FUSED: bool = true;
    const VECTOR_BYTES: usize = 32;
}

impl Isa for Baseline {
    const FUSED: bool = cfg!(any(target_arch = "aarch64", target_feature = "fma"));
    const VECTOR_BYTES: usize = 16;
}

/// Defines a function whose body is compiled three times on x86-64, once per [`Isa`]. Elsewhere only the baseline
/// exists. The body is a generic function `body::<T, I: Isa>` that is inlined.
macro_rules! dispatched {
    ($(#[$meta:meta])* $vis:vis fn $name:ident<$T:ident>($($arg:ident: $type:ty),* $(,)?) $(-> $ret:ty)? => $body:ident) => {
        $(#[$meta])*
        $vis fn $name<$T: $crate::Real>($($arg: $type),*) $(-> $ret)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
                fn avx512<$T: $crate::Real>($($arg: $type),*) $(-> $ret)? {
                    $body::<$T, $crate::simd::Avx512>($($arg),*)
                }
                #[target_feature(enable = "avx2,fma")]
                fn avx2<$T: $crate::Real>($($arg: $type),*) $(-> $ret)? {
                    $body::<$T, $crate::simd::Avx2>($($arg),*)
                }
                match $crate::simd::level() {
                    // SAFETY: `level` has found every feature that `avx512` is compiled for.
                    $crate::simd::Level::Avx512 => return unsafe { avx512::<$T>($($arg),*) },
                    // SAFETY: `level` has found every feature that `avx2` is compiled for.
                    $crate::simd::Level::Avx2 => return unsafe { avx2::<$T>($($arg),*) },
                    $crate::simd::Level::Baseline => {}
                }
            }
            $body::<$T, $crate::simd::Baseline>($($arg),*)
        }
    };
}
pub(crate) use dispatched;

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

/// `a b + c`, with one rounding if the processor has an instruction for it.
#[inline(always)]
pub(crate) fn multiply_add<T: crate::Real, I: Isa>(a: T, b: T, c: T) -> T {
    if I::FUSED { a.mul_add(b, c) } else { a * b + c }
}
