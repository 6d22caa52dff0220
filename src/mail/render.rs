//! From a text and its values to a mail with two parts.

use std::{fmt::Write as _, sync::LazyLock};

use bytes::Bytes;
use minijinja::{Environment, UndefinedBehavior, Value};

/// The languages people may choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Italian.
    It,
    /// English.
    En,
}

impl Language {
    /// From its code; Italian for any other.
    pub fn of(code: &str) -> Self {
        if code == "en" { Self::En } else { Self::It }
    }

    /// Its ISO 639-1 code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::It => "it",
            Self::En => "en",
        }
    }
}

macro_rules! texts {
    ($($(#[$doc:meta])* $variant:ident $name:literal),+ $(,)?) => {
        /// Every text that is mailed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Text { $($(#[$doc])* $variant),+ }

        impl Text {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its name in files.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            const fn source(self, language: Language) -> &'static str {
                match (self, language) {
                    $((Self::$variant, Language::It) => include_str!(concat!("texts/", $name, ".it.txt")),
                      (Self::$variant, Language::En) => include_str!(concat!("texts/", $name, ".en.txt")),)+
                }
            }
        }
    };
}
texts! {
    /// Tickets are held until they are paid.
    BookingPlaced "booking_placed",
    /// Paid or free: here is the ticket code.
    BookingConfirmed "booking_confirmed",
    /// Cancelled by the buyer.
    BookingCancelled "booking_cancelled",
    /// Not paid in time.
    BookingExpired "booking_expired",
    /// The event is tomorrow.
    EventReminder "event_reminder",
    /// The host withdrew the event.
    EventWithdrawn "event_withdrawn",
    /// An account was made.
    AccountWelcome "account_welcome",
    /// The password was changed.
    PasswordChanged "password_changed",
    /// The address has to be verified.
    VerifyEmail "verify_email",
    /// The password was forgotten.
    ResetPassword "reset_password",
    /// Log-ins ask for a second factor from now on.
    SecondFactorOn "second_factor_on",
    /// And no more.
    SecondFactorOff "second_factor_off",
    /// A key for programs was made.
    ApiKeyMade "api_key_made",
    /// The export of one's data is there.
    ExportReady "export_ready",
    /// Somebody has shared a document.
    DocumentShared "document_shared",
    /// Somebody is asked to sign a document.
    SignatureAsked "signature_asked",
    /// The code that proves who signs it.
    SignatureCode "signature_code",
    /// Somebody asks an office for an appointment.
    AppointmentRequested "appointment_requested",
    /// The office agrees to an appointment.
    AppointmentConfirmed "appointment_confirmed",
    /// An appointment is not to be.
    AppointmentRejected "appointment_rejected",
    /// An appointment was changed, or somebody answered an invitation.
    AppointmentChanged "appointment_changed",
    /// An appointment was given up.
    AppointmentCancelled "appointment_cancelled",
    /// An appointment is near.
    AppointmentReminder "appointment_reminder",
    /// Documents are needed.
    DocumentsMissing "documents_missing",
    /// A client has handed documents in.
    DocumentUploaded "document_uploaded",
    /// A document is as it must be.
    DocumentAccepted "document_accepted",
    /// A document is not as it must be.
    DocumentRejected "document_rejected",
    /// All documents are as they must be.
    DocumentsAccepted "documents_accepted",
    /// The draft of an act can be read.
    ActAvailable "act_available",
    /// A case was opened.
    ActCreated "act_created",
    /// An act was signed.
    ActSigned "act_signed",
    /// The signed deed of an act, which goes along.
    DeedSent "deed_sent",
    /// An act was archived.
    ActCompleted "act_completed",
    /// The service has something to say.
    SystemMessage "system_message",
    /// The appointments of an office today.
    DailyAgenda "daily_agenda",
    /// Somebody is invited to an appointment.
    Invitation "invitation",
    /// Somebody is invited to work in an office.
    CollaboratorInvited "collaborator_invited",
    /// Somebody is invited to work in a clinic.
    ClinicInvited "clinic_invited",
    /// The licence of an office ends soon.
    LicenceEnding "licence_ending",
}

/// A mail, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The address.
    pub to: String,
    /// The person's name.
    pub name: String,
    /// The subject.
    pub subject: String,
    /// The plain part.
    pub text: String,
    /// The HTML part.
    pub html: String,
    /// The left side of the Message-ID: the same mail sent twice has the same.
    pub id: String,
    /// What comes with it.
    pub attachments: Vec<Attachment>,
}

/// A PDF document that comes with a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// The file's name.
    pub name: String,
    /// The document.
    pub pdf: Bytes,
}

static TEXTS: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut texts = Environment::new();
    texts.set_undefined_behavior(UndefinedBehavior::Strict); // a missing value is a bug, not a gap in a mail
    for text in Text::ALL {
        for language in [Language::It, Language::En] {
            texts
                .add_template_owned(template_name(*text, language), text.source(language))
                .expect("a test renders every text");
        }
    }
    texts
});

fn template_name(text: Text, language: Language) -> String {
    format!("{}.{}", text.name(), language.code())
}

/// Makes the mail `text` for a person.
///
/// # Errors
/// When a value is missing.
pub fn render(
    text: Text,
    language: Language,
    (to, name): (&str, &str),
    values: Value,
    id: String,
) -> Result<Mail, minijinja::Error> {
    let links =
        LINKS.map(|name| values.get_attr(name).ok().and_then(|link| link.as_str().map(str::to_owned)));
    let rendered = TEXTS.get_template(&template_name(text, language))?.render(values)?;
    let (subject, body) = rendered.split_once('\n').unwrap_or((&rendered, ""));
    Ok(Mail {
        to: to.to_owned(),
        name: name.to_owned(),
        subject: subject.trim().to_owned(),
        text: body.trim().to_owned() + "\n",
        html: html(subject, body, language, &links),
        id,
        attachments: Vec::new(),
    })
}

fn html(subject: &str, body: &str, language: Language, links: &[Option<String>]) -> String {
    let mut html = format!(
        "<!doctype html><html lang=\"{}\"><head><meta charset=\"utf-8\"><title>{}</title></head>\
         <body style=\"font-family:sans-serif;max-width:36em;margin:2em auto;line-height:1.5\">",
        language.code(),
        escaped(subject.trim())
    );
    for paragraph in body.trim().split("\n\n") {
        let lines: Vec<String> = paragraph.trim().lines().map(|line| linked(line, links)).collect();
        let _ = write!(html, "<p>{}</p>", lines.join("<br>"));
    }
    html.push_str("</body></html>");
    html
}

/// Values that are addresses of ours. Nothing else becomes a link, whatever people have written into titles and names.
const LINKS: [&str; 2] = ["url", "link"];

fn linked(line: &str, links: &[Option<String>]) -> String {
    let word = |word: &str| {
        let address = word.trim_end_matches(['.', ',', ';']);
        let is_ours =
            address.starts_with("http") && links.iter().any(|link| link.as_deref() == Some(address));
        if !is_ours {
            return escaped(word);
        }
        let (shown, rest) = (escaped(address), escaped(&word[address.len()..]));
        format!("<a href=\"{shown}\">{shown}</a>{rest}")
    };
    line.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use minijinja::context;

    use super::{Language, Text, render};

    #[test]
    fn every_text_renders_in_every_language_and_escapes_what_people_wrote() {
        let values = context! {
            name => "Anna", title => "<b>Jazz & Co</b>", tickets => 2, date => "giovedì", total => "10,00 €",
            until => "domani", code => "ABC", refund => "5,00 €", percent => 50, location => "Piazza",
            begins => "21:00", url => "http://localhost", link => "http://localhost/#token", is_paid => true,
            by => "Bruno",
            office => "Studio", person => "Bruno", reason => "slot_taken", documents => "Planimetria", act => "Mutuo",
            number => "MUT-0001", mail => (), message => "Per favore", clinic => "Clinica", appointments => "09:00 Bianchi",
        };
        for text in Text::ALL {
            for language in [Language::It, Language::En] {
                let to = ("anna@example.org", "Anna");
                let mail = render(*text, language, to, values.clone(), "id".to_owned()).unwrap();
                assert!(!mail.subject.is_empty() && !mail.subject.contains('\n'));
                assert!(mail.text.contains("Anna"), "{text:?}");
                assert!(!mail.html.contains("<b>Jazz"), "{text:?} lets markup through");
            }
        }
    }

    #[test]
    fn addresses_of_ours_are_links_in_the_html_part_and_those_of_others_are_not() {
        let values = context! {
            name => "http://evil.example/x", url => "https://a.example", link => "https://a.example/account/verify#a&b",
        };
        let mail =
            render(Text::AccountWelcome, Language::It, ("a@b.it", "Anna"), values, "id".to_owned()).unwrap();
        let link = "<a href=\"https://a.example/account/verify#a&amp;b\">https://a.example/account/verify#a&amp;b</a>";
        assert!(mail.html.contains(link), "{}", mail.html);
        assert_eq!(mail.html.matches("<a ").count(), 2, "{}", mail.html);
        assert!(mail.text.contains("https://a.example/account/verify#a&b"), "{}", mail.text);
    }

    #[test]
    fn nobody_is_asked_to_reply_to_an_address_that_nobody_reads() {
        for text in Text::ALL {
            let [it, en] = [Language::It, Language::En].map(|language| text.source(language));
            assert!(!it.contains("ci risponda") && !en.contains("please reply"), "{text:?}");
        }
    }

    #[test]
    fn a_missing_value_is_an_error() {
        let to = ("anna@example.org", "Anna");
        assert!(render(Text::BookingPlaced, Language::It, to, context! {}, "id".to_owned()).is_err());
    }
}
