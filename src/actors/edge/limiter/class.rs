//! What is limited, by whom it is counted, and what came out.

use std::{fmt, net::IpAddr, time::Duration};

use crate::{
    config::{sections::Limits, values::Quota},
    ids::UserId,
};

/// What a request counts as. Each class has a quota in `[limits]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Requests of nobody known.
    Anonymous,
    /// Requests of a person.
    User,
    /// Requests of an administrator.
    Admin,
    /// Logging in and refreshing.
    Login,
    /// Registering.
    Register,
    /// Uploading.
    Upload,
    /// Booking and paying.
    Booking,
    /// Registering patients.
    CreatePatient,
    /// Asking for reports about patients.
    ClinicReport,
    /// Uploading documents of patients.
    ClinicUpload,
    /// Messages of the payment provider.
    Webhook,
    /// Access tokens that turned out to be worth nothing: guessing them is as limited as anything anonymous.
    Token,
}

impl Class {
    /// Every class; its position is its index.
    pub const ALL: [Self; 12] = [
        Self::Anonymous,
        Self::User,
        Self::Admin,
        Self::Login,
        Self::Register,
        Self::Upload,
        Self::Booking,
        Self::CreatePatient,
        Self::ClinicReport,
        Self::ClinicUpload,
        Self::Webhook,
        Self::Token,
    ];

    /// As headers, metrics and Redis keys call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::User => "user",
            Self::Admin => "admin",
            Self::Login => "login",
            Self::Register => "register",
            Self::Upload => "upload",
            Self::Booking => "booking",
            Self::CreatePatient => "create_patient",
            Self::ClinicReport => "clinic_report",
            Self::ClinicUpload => "clinic_upload",
            Self::Webhook => "webhook",
            Self::Token => "token",
        }
    }

    /// Its quota.
    pub fn quota(self, limits: &Limits) -> Quota {
        match self {
            Self::Anonymous | Self::Token => limits.anonymous,
            Self::User => limits.user,
            Self::Admin => limits.admin,
            Self::Login => limits.login,
            Self::Register => limits.register,
            Self::Upload => limits.upload,
            Self::Booking => limits.booking,
            Self::CreatePatient => limits.create_patient,
            Self::ClinicReport => limits.clinic_report,
            Self::ClinicUpload => limits.clinic_upload,
            Self::Webhook => limits.webhook,
        }
    }
}

/// Who is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key {
    /// An address, or the /64 of one; see [`crate::http::client::ClientAddress::key`].
    Address(IpAddr),
    /// An account, wherever it comes from.
    Account(UserId),
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(f, "ip:{address}"),
            Self::Account(user) => write!(f, "user:{user}"),
        }
    }
}

/// What the limiter says of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// What it counted as.
    pub class: Class,
    /// The size of the bucket.
    pub quota: Quota,
    /// How many more may follow at once.
    pub remaining: u32,
    /// When the bucket is full again, if nothing follows; at most one refill too late.
    pub reset: Duration,
    /// For a refused request: when the next one is allowed.
    pub retry_after: Option<Duration>,
}

impl Decision {
    /// Whether the request may go on.
    pub fn is_allowed(&self) -> bool {
        self.retry_after.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::Class;

    #[test]
    fn a_class_is_found_at_its_index() {
        for class in Class::ALL {
            assert_eq!(Class::ALL[class as usize], class);
        }
    }
}
