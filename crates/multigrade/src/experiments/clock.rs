//! Processor time of this program.

/// Seconds of processor time that all threads of this program have used, where the system says so in `/proc`.
///
/// Wall-clock time says little on a machine that does other things; this does not count them.
pub(super) fn cpu_seconds() -> Option<f64> {
    // Fields 14 and 15 of the line, the name of the program being the second in parentheses, count hundredths of a
    // second: that unit is part of the system's interface.
    let line = std::fs::read_to_string("/proc/self/stat").ok()?;
    let after_name = line.rsplit_once(')')?.1;
    let mut fields = after_name.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) / 100.0)
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(target_os = "linux")]
    fn processor_time_grows_with_work() {
        let before = super::cpu_seconds().unwrap();
        let mut x = 1.0_f64;
        while super::cpu_seconds().unwrap() - before < 0.02 {
            x = std::hint::black_box(x.sin() + 1.0);
        }
        assert!(x.is_finite());
    }
}
