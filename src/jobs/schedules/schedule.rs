//! One line of the cron table, and its policies.

use std::time::Duration;

use super::{Timing, TimingError};
use crate::jobs::Job;

macro_rules! policy {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
        #[serde(rename_all = "snake_case")]
        #[schema(as = $name)]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// The word in the table.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The policy of that word; `None` for words of a newer binary.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

policy! {
    /// What happens to ticks nobody was there for.
    Missed {
        /// They are not made up for.
        Skip = "skip",
        /// One run makes up for all of them.
        One = "one",
        /// Each is made up for, within the window and its limit.
        All = "all",
    }
}
policy! {
    /// What happens to a tick whose local time does not exist (clocks go forward).
    Gap {
        /// It moves by the length of the gap: 02:30 becomes 03:30.
        Shift = "shift",
        /// It does not happen.
        Skip = "skip",
    }
}
policy! {
    /// What happens to a tick whose local time exists twice (clocks go back).
    Fold {
        /// It happens the first time.
        First = "first",
        /// It happens the second time.
        Second = "second",
        /// It happens both times: right for schedules of every hour or minute.
        Both = "both",
    }
}
policy! {
    /// What happens to a tick while the job of an earlier one is still live.
    Overlap {
        /// They run side by side.
        Allow = "allow",
        /// It is skipped.
        Skip = "skip",
        /// It waits until that one has ended; further ones are skipped while one waits.
        QueueOne = "queue_one",
        /// The earlier ones make way: what waits is cancelled, what runs is asked to end.
        CancelOld = "cancel_old",
    }
}
policy! {
    /// Who asked for a schedule.
    Source {
        /// The program: it is written at every start.
        Code = "code",
        /// An administrator.
        Api = "api",
    }
}

/// One line of the table in code.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// Its name, never changed.
    pub key: &'static str,
    /// The kind of the job.
    pub kind: &'static str,
    /// The job's arguments.
    pub args: serde_json::Value,
    /// Five fields (minute, hour, day of month, month, day of week), or six with the second first.
    pub spec: &'static str,
    /// The time zone in which they are meant.
    pub tz: String,
    /// See [`Missed`].
    pub missed: Missed,
    /// Ticks missed longer ago than this are not made up for.
    pub missed_within: Duration,
    /// At most so many are made up for.
    pub missed_max: i16,
    /// See [`Gap`].
    pub gap: Gap,
    /// See [`Fold`].
    pub fold: Fold,
    /// See [`Overlap`].
    pub overlap: Overlap,
    /// Each tick is delayed by a fixed part of this, so that a fleet does not knock in step.
    pub splay: Duration,
}

impl Schedule {
    /// Runs `job` at `spec` in UTC; missed ticks are made up for by one run, a tick is skipped while the last one runs.
    ///
    /// # Panics
    /// When the arguments cannot be JSON.
    pub fn new<J: Job>(key: &'static str, spec: &'static str, job: &J) -> Self {
        Self {
            key,
            kind: J::KIND,
            args: serde_json::to_value(job).expect("arguments of jobs are plain data"),
            spec,
            tz: "UTC".to_owned(),
            missed: Missed::One,
            missed_within: Duration::from_secs(24 * 3600),
            missed_max: 100,
            gap: Gap::Shift,
            fold: Fold::First,
            overlap: Overlap::Skip,
            splay: Duration::ZERO,
        }
    }

    /// In this time zone.
    #[must_use]
    pub fn in_zone(mut self, tz: impl Into<String>) -> Self {
        self.tz = tz.into();
        self
    }

    /// With this policy for missed ticks.
    #[must_use]
    pub fn missed(mut self, missed: Missed) -> Self {
        self.missed = missed;
        self
    }

    /// With this policy for overlap.
    #[must_use]
    pub fn overlap(mut self, overlap: Overlap) -> Self {
        self.overlap = overlap;
        self
    }

    /// When it ticks.
    pub fn timing(&self) -> Result<Timing, TimingError> {
        Timing::new(self.spec, &self.tz, self.gap, self.fold)
    }
}
