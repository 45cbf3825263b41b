//! Vector registers, by name.
//!
//! The compiler turns plain loops over arrays into vector code, but whether the sums of a tile then stay in registers
//! hangs on what the loops are inlined into. These types leave it no choice.

/// A vector register full of numbers of type `T`.
///
/// The operations are compiled for the processor that the type belongs to: a function that uses them must be inlined
/// into one that was chosen at run time by [`level`](crate::simd::level).
pub trait Register<T>: Copy {
    /// Numbers in a register.
    const LANES: usize;

    /// The same number in every lane.
    ///
    /// # Safety
    ///
    /// The processor must have the registers.
    unsafe fn splat(value: T) -> Self;

    /// The numbers from `from` on.
    ///
    /// # Safety
    ///
    /// The processor must have the registers, and [`LANES`](Self::LANES) numbers must be readable.
    unsafe fn load(from: *const T) -> Self;

    /// Writes the numbers to `to` and the places behind it.
    ///
    /// # Safety
    ///
    /// The processor must have the registers, and [`LANES`](Self::LANES) places must be writable.
    unsafe fn store(self, to: *mut T);

    /// `self + other`.
    ///
    /// # Safety
    ///
    /// The processor must have the registers.
    unsafe fn add(self, other: Self) -> Self;

    /// `self + a b`, with one rounding where the processor has such an instruction.
    ///
    /// # Safety
    ///
    /// The processor must have the registers.
    unsafe fn add_product(self, a: Self, b: Self) -> Self;

    /// The lanes in which `signs` is above 0 or NaN; 0 in the others.
    ///
    /// # Safety
    ///
    /// The processor must have the registers.
    unsafe fn where_positive(self, signs: Self) -> Self;
}

/// A register of the compilation target: every one has 16 bytes, or takes several that are smaller.
#[derive(Clone, Copy)]
pub struct Plain<T, const LANES: usize>([T; LANES]);

impl<T: crate::Real, const LANES: usize> Register<T> for Plain<T, LANES> {
    const LANES: usize = LANES;

    #[inline(always)]
    unsafe fn splat(value: T) -> Self {
        Self([value; LANES])
    }

    #[inline(always)]
    unsafe fn load(from: *const T) -> Self {
        // SAFETY: the caller vouches for the numbers; an array of numbers needs no other alignment than they do.
        unsafe { Self(from.cast::<[T; LANES]>().read()) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut T) {
        // SAFETY: as in `load`.
        unsafe { to.cast::<[T; LANES]>().write(self.0) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] + other.0[i]))
    }

    #[inline(always)]
    unsafe fn add_product(self, a: Self, b: Self) -> Self {
        Self(std::array::from_fn(|i| crate::simd::multiply_add::<T, crate::simd::Baseline>(a.0[i], b.0[i], self.0[i])))
    }

    #[inline(always)]
    unsafe fn where_positive(self, signs: Self) -> Self {
        Self(std::array::from_fn(|i| if signs.0[i] <= T::ZERO { T::ZERO } else { self.0[i] }))
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) use std::arch::x86_64::{__m256 as Eight32, __m256d as Four64, __m512 as Sixteen32, __m512d as Eight64};

// Never asked for: every loop is of the compilation target.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) type Sixteen32 = Plain<f32, 16>;
#[cfg(not(target_arch = "x86_64"))]
pub(crate) type Eight32 = Plain<f32, 8>;
#[cfg(not(target_arch = "x86_64"))]
pub(crate) type Eight64 = Plain<f64, 8>;
#[cfg(not(target_arch = "x86_64"))]
pub(crate) type Four64 = Plain<f64, 4>;

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Register;
    use std::arch::x86_64::*;

    /// The operations of a register type, by their instructions.
    macro_rules! register {
        ($register:ident of $lanes:literal $type:ident: $splat:ident, $load:ident, $store:ident, $add:ident,
         $add_product:ident, |$signs:ident, $kept:ident| $where_positive:expr) => {
            impl Register<$type> for $register {
                const LANES: usize = $lanes;

                #[inline(always)]
                unsafe fn splat(value: $type) -> Self {
                    // SAFETY: the caller vouches for the processor.
                    unsafe { $splat(value) }
                }

                #[inline(always)]
                unsafe fn load(from: *const $type) -> Self {
                    // SAFETY: the caller vouches for the processor and the numbers; no alignment is asked for.
                    unsafe { $load(from) }
                }

                #[inline(always)]
                unsafe fn store(self, to: *mut $type) {
                    // SAFETY: the caller vouches for the processor and the places; no alignment is asked for.
                    unsafe { $store(to, self) }
                }

                #[inline(always)]
                unsafe fn add(self, other: Self) -> Self {
                    // SAFETY: the caller vouches for the processor.
                    unsafe { $add(self, other) }
                }

                #[inline(always)]
                unsafe fn add_product(self, a: Self, b: Self) -> Self {
                    // SAFETY: the caller vouches for the processor.
                    unsafe { $add_product(a, b, self) }
                }

                #[inline(always)]
                unsafe fn where_positive(self, $signs: Self) -> Self {
                    let $kept = self;
                    // SAFETY: the caller vouches for the processor.
                    unsafe { $where_positive }
                }
            }
        };
    }

    register!(__m512 of 16 f32: _mm512_set1_ps, _mm512_loadu_ps, _mm512_storeu_ps, _mm512_add_ps, _mm512_fmadd_ps,
        |signs, kept| _mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<_CMP_NLE_UQ>(signs, _mm512_setzero_ps()), kept));
    register!(__m512d of 8 f64: _mm512_set1_pd, _mm512_loadu_pd, _mm512_storeu_pd, _mm512_add_pd, _mm512_fmadd_pd,
        |signs, kept| _mm512_maskz_mov_pd(_mm512_cmp_pd_mask::<_CMP_NLE_UQ>(signs, _mm512_setzero_pd()), kept));
    register!(__m256 of 8 f32: _mm256_set1_ps, _mm256_loadu_ps, _mm256_storeu_ps, _mm256_add_ps, _mm256_fmadd_ps,
        |signs, kept| _mm256_and_ps(_mm256_cmp_ps::<_CMP_NLE_UQ>(signs, _mm256_setzero_ps()), kept));
    register!(__m256d of 4 f64: _mm256_set1_pd, _mm256_loadu_pd, _mm256_storeu_pd, _mm256_add_pd, _mm256_fmadd_pd,
        |signs, kept| _mm256_and_pd(_mm256_cmp_pd::<_CMP_NLE_UQ>(signs, _mm256_setzero_pd()), kept));
}
