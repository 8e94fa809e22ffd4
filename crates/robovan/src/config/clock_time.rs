//! A time of the day as people write it.

use std::fmt;
use std::str::FromStr;

use rv_base::Seconds;
use serde::{Deserialize, Serialize};

/// A time of the day, to the minute; `HH:MM` as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct ClockTime {
    minutes: u16,
}

impl ClockTime {
    /// So many minutes after midnight; below 1,440.
    pub(crate) const fn from_minutes(minutes: u16) -> Self {
        assert!(minutes < 24 * 60);
        Self { minutes }
    }

    /// Time since midnight.
    pub(crate) fn since_midnight(self) -> Seconds {
        Seconds(f64::from(self.minutes) * 60.0)
    }
}

impl FromStr for ClockTime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a time of the day such as 07:30");
        let (hours, minutes) = text.split_once(':').ok_or_else(wrong)?;
        let part = |digits: &str, end: u16| {
            let is_plain = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
            digits.parse().ok().filter(|n: &u16| is_plain && *n < end).ok_or_else(wrong)
        };
        Ok(Self::from_minutes(part(hours, 24)? * 60 + part(minutes, 60)?))
    }
}

impl fmt::Display for ClockTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.minutes / 60, self.minutes % 60)
    }
}

impl TryFrom<String> for ClockTime {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ClockTime> for String {
    fn from(time: ClockTime) -> Self {
        time.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_times_of_the_day_are_read() {
        for text in ["00:00", "07:30", "23:59"] {
            assert_eq!(text.parse::<ClockTime>().unwrap().to_string(), text);
        }
        assert_eq!("07:30".parse::<ClockTime>().unwrap().since_midnight(), Seconds(27_000.0));
        for text in ["", "7:30", "24:00", "07:60", "+7:30", "07:3é", "0730"] {
            assert!(text.parse::<ClockTime>().is_err(), "{text}");
        }
    }
}
