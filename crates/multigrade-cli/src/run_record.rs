//! `NAME.run.json`: how a run went. What depends on the clock or the machine stands here and never in the model.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::Serialize;

/// When a run began.
pub(crate) struct Clock {
    began: Instant,
    date: SystemTime,
}

/// What is kept of a run.
#[derive(Debug, Serialize)]
pub(crate) struct RunRecord {
    program: &'static str,
    arguments: Vec<String>,
    started: String,
    seconds: f64,
    seconds_per_grade: Vec<f64>,
    threads: usize,
    operating_system: &'static str,
    architecture: &'static str,
    stop: String,
    interrupted: bool,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { began: Instant::now(), date: SystemTime::now() }
    }

    /// The record of the run that fitted a model and ends now.
    pub(crate) fn record(&self, fitted: &multigrade::Fitted) -> RunRecord {
        let stop = fitted.model.history().stop.clone();
        self.record_of(stop, fitted.seconds.clone(), fitted.stop == multigrade::Stop::Interrupted)
    }

    /// The record of a run that ends now, for this reason.
    pub(crate) fn record_of(&self, stop: String, seconds_per_grade: Vec<f64>, interrupted: bool) -> RunRecord {
        RunRecord {
            program: concat!("multigrade ", env!("CARGO_PKG_VERSION")),
            arguments: std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect(),
            started: utc(self.date.duration_since(UNIX_EPOCH).unwrap_or_default()),
            seconds: self.began.elapsed().as_secs_f64(),
            seconds_per_grade,
            threads: rayon::current_num_threads(),
            operating_system: std::env::consts::OS,
            architecture: std::env::consts::ARCH,
            stop,
            interrupted,
        }
    }
}

impl RunRecord {
    /// The text of the file.
    pub(crate) fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        Ok(text)
    }
}

/// The time since 1970 as a date in universal time, such as `2025-03-01T12:00:00Z`.
fn utc(since_1970: Duration) -> String {
    let (days, second) = (since_1970.as_secs() / 86_400, since_1970.as_secs() % 86_400);
    // Years that begin in March end with the leap day, so that the day of the year gives the month.
    let days = days + 719_468; // since 0000-03-01
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, january_or_later) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = era * 400 + year + january_or_later;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_around_leap_days_and_turns_of_the_year_are_those_of_the_calendar() {
        for (seconds, date) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(utc(Duration::from_secs(seconds)), date);
        }
    }
}
