//! Opaque identifiers. Each entity has its own newtype over UUIDv7 (RFC 9562), so that ids cannot be mixed up.
//!
//! Ids are ordered by time and guessable in principle: they are names, never secrets.

use jiff::Timestamp;
use postgres_types::{FromSql, ToSql};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSql, FromSql,
                 utoipa::ToSchema)]
        #[serde(transparent)]
        #[postgres(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id, ordered by `now`.
            pub fn new(now: Timestamp) -> Self {
                Self(uuid_v7(now))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::parse_str(text).map(Self)
            }
        }
    )*};
}

id! {
    /// A person with an account.
    UserId;
    /// One log-in of a person: its access and refresh tokens are revoked together.
    SessionId;
    /// A key of a person for programs.
    ApiKeyId;
    /// A city with events.
    CityId;
    /// An event that can be booked.
    EventId;
    /// A picture of an event.
    ImageId;
    /// Tickets of one person for one event.
    BookingId;
    /// One attempt to pay a booking.
    PaymentId;
    /// A review of an event by a person.
    ReviewId;
    /// A document.
    DocumentId;
    /// A file on its way.
    UploadId;
    /// A secret link to a version of a document.
    DocumentLinkId;
    /// A time stamp of a document.
    TimeStampId;
    /// A notary, which is one office.
    NotaryId;
    /// Something that a notary offers.
    NotaryServiceId;
    /// Hours of the week of an office.
    AvailabilityId;
    /// What differs from an office's week.
    ExceptionId;
    /// An appointment with a notary.
    AppointmentId;
    /// A document that an appointment needs.
    PaperId;
    /// What somebody is told.
    NotificationId;
    /// A request to sign a document.
    SignatureRequestId;
    /// A notarial act.
    ActId;
    /// A version of an office's text for a type of act.
    ActTemplateId;
    /// A review of a notary by a client.
    NotaryReviewId;
    /// A certified mail.
    CertifiedMailId;
    /// A mail that an office writes often.
    MailTemplateId;
    /// What a provider of certified mail has certified.
    ReceiptId;
    /// A package of an office for the conservator.
    ConservationPackageId;
    /// A clinic.
    ClinicId;
    /// A patient of a clinic.
    PatientId;
    /// A document of a patient.
    PatientDocumentId;
    /// A value of a patient.
    LaboratoryValueId;
    /// An analysis that grades.
    AnalysisId;
    /// A score as it was computed.
    ScoreId;
    /// Analyses that another system has asked for together.
    AnalysisBatchId;
    /// A report about a patient.
    PatientReportId;
}

fn uuid_v7(now: Timestamp) -> Uuid {
    let since_epoch = now.as_duration();
    let (secs, nanos) = (since_epoch.as_secs().max(0) as u64, since_epoch.subsec_nanos().max(0) as u32);
    Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, secs, nanos))
}
