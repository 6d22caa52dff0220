//! A clinic of the demonstration: who works there, and its patients, most of them couples, some of whom have not consented.

use jiff::{SignedDuration, Timestamp, ToSpan as _, civil::Date, tz::TimeZone};
use tokio_postgres::Transaction;
use uuid::Uuid;

use super::{
    laboratory,
    make::{Options, Random},
    words::LAST,
};
use crate::{
    accounts::consents::Purpose,
    clinic::rules::patient::{duplicates::name_key, mrn::Mrn},
};

/// Account, name, what they do, what they may do.
const STAFF: [(&str, &str, &str, &str); 4] = [
    ("clinica1", "Lucia Ferri", "Direttrice sanitaria", "manage_members"),
    (
        "clinica2",
        "Paolo Greco",
        "Ginecologo",
        "read_patients,write_patients,write_documents,write_analyses,write_reports,merge_patients",
    ),
    ("clinica3", "Sara Conti", "Biologa", "read_patients,write_documents,write_analyses"),
    ("clinica4", "Elena Riva", "Accettazione", "read_patients,write_patients"),
];

const WOMEN: [&str; 10] =
    ["Anna", "Chiara", "Elisa", "Federica", "Giulia", "Ilaria", "Laura", "Martina", "Silvia", "Valentina"];
const MEN: [&str; 8] = ["Andrea", "Davide", "Fabio", "Luca", "Marco", "Matteo", "Simone", "Stefano"];
const PHYSICIANS: [&str; 3] = ["Dott.ssa Bruna Sala", "Dott. Carlo Monti", "Dott. Ugo Fabbri"];
const SMOKING: [&str; 4] = ["never", "never", "former", "current"];

/// How long ago the first ones came, in days.
const DAYS: usize = 700;
/// One in so many has not consented yet.
const WITHOUT_CONSENT: usize = 8;

/// Rows, column by column.
#[derive(Default)]
struct Columns {
    ids: Vec<Uuid>,
    numbers: Vec<String>,
    first_names: Vec<&'static str>,
    last_names: Vec<&'static str>,
    keys: Vec<String>,
    births: Vec<Date>,
    sexes: Vec<&'static str>,
    emails: Vec<String>,
    physicians: Vec<&'static str>,
    partners: Vec<Option<Uuid>>,
    lifestyles: Vec<String>,
    since: Vec<Timestamp>,
    consented: Vec<Option<Timestamp>>,
}

impl Columns {
    fn add(&mut self, number: usize, random: &mut Random, options: &Options) {
        let today = options.now.to_zoned(TimeZone::UTC).date();
        let is_woman = number.is_multiple_of(2);
        let first = if is_woman { random.pick(&WOMEN) } else { random.pick(&MEN) };
        let last = LAST[(number * 7 + random.below(3)) % LAST.len()];
        let ago = SignedDuration::from_hours(24 * random.below(DAYS) as i64);
        let at = options.now.checked_sub(ago).unwrap_or(options.now);
        let id = random.id(at);
        let days = (26 * 365 + random.below(18 * 365)) as i64;
        self.numbers.push(Mrn::given(id.as_u64_pair().1).to_string());
        // A man comes after the woman he comes with.
        let partner = (!is_woman).then(|| self.ids.last().copied()).flatten();
        self.partners.push(partner);
        if let (Some(_), Some(hers)) = (partner, self.partners.iter_mut().nth_back(1)) {
            *hers = Some(id);
        }
        self.ids.push(id);
        self.first_names.push(first);
        self.last_names.push(last);
        self.keys.push(name_key(first, last));
        self.births.push(today.saturating_sub(days.days()));
        self.sexes.push(if is_woman { "female" } else { "male" });
        self.emails.push(format!("paziente{}@sportello.example", number + 1));
        self.physicians.push(random.pick(&PHYSICIANS));
        let (smoking, least) = (random.pick(&SMOKING), if is_woman { 155 } else { 166 });
        let height = least + random.below(25);
        let (weight, alcohol) = (height - 100 - 12 + random.below(24), random.below(8));
        self.lifestyles.push(
            serde_json::json!({ "smoking": smoking, "height_cm": height, "weight_kg": weight,
                "alcohol_units_per_week": alcohol, "cigarettes_per_day": null })
            .to_string(),
        );
        self.since.push(at);
        self.consented.push((number % WITHOUT_CONSENT != 5).then_some(at));
    }
}

/// Writes the clinic and so many patients as are wanted.
pub(super) async fn write(tx: &Transaction<'_>, options: &Options) -> Result<(), tokio_postgres::Error> {
    const CLINIC: &str = "-- seed.clinic.clinic
        INSERT INTO clinic (id, name, street, city, province, phone, email, tier, created_at, updated_at)
        VALUES ($1, 'Clinica Aurora', 'Viale della Vittoria, 12', 'Rimini', 'RN', '0541 555012',
            'info@clinica-aurora.example', 'basic', $2, $2)";
    const USERS: &str = "-- seed.clinic.users
        INSERT INTO users (id, email, name, roles, password_hash, email_verified_at, created_at, updated_at)
        SELECT t.id, t.account || '@sportello.example', t.name, '{client,staff}', $4, $5, $5, $5
        FROM unnest($1::uuid[], $2::text[], $3::text[]) AS t (id, account, name)";
    const MEMBERS: &str = "-- seed.clinic.members
        INSERT INTO clinic_member (user_id, clinic_id, job_title, permissions, agreed_at, created_at, updated_at)
        SELECT t.id, $4, t.title, string_to_array(t.permissions, ','), $5, $5, $5
        FROM unnest($1::uuid[], $2::text[], $3::text[]) AS t (id, title, permissions)";
    const CONSENTS: &str = "-- seed.clinic.consents
        INSERT INTO patient_consent (patient_id, is_given, wording, note, recorded_by, at)
        SELECT p.id, true, $1, 'Modulo firmato in accettazione.', $2, p.consented_at
        FROM patient AS p WHERE p.consented_at IS NOT NULL ORDER BY p.id";
    // Beside the other rows: what they are does not depend on how many patients there are.
    let mut random = Random::new(options.seed.rotate_left(32));
    let (clinic, now) = (random.id(options.now), options.now);
    let people: Vec<Uuid> = STAFF.iter().map(|_| random.id(now)).collect();
    let accounts: Vec<_> = STAFF.iter().map(|it| it.0).collect();
    let names: Vec<_> = STAFF.iter().map(|it| it.1).collect();
    let titles: Vec<_> = STAFF.iter().map(|it| it.2).collect();
    let permissions: Vec<_> = STAFF.iter().map(|it| it.3).collect();
    let mut c = Columns::default();
    for number in 0..options.patients {
        c.add(number, &mut random, options);
    }
    tx.execute(CLINIC, &[&clinic, &now]).await?;
    tx.execute(USERS, &[&people, &accounts, &names, &options.password_hash, &now]).await?;
    tx.execute(MEMBERS, &[&people, &titles, &permissions, &clinic, &now]).await?;
    patients(tx, clinic, &c).await?;
    tx.execute(CONSENTS, &[&Purpose::ClinicProcessing.wording(), &people[3]]).await?;
    laboratory::write(tx, options, &mut random, (clinic, people[2])).await
}

async fn patients(tx: &Transaction<'_>, clinic: Uuid, c: &Columns) -> Result<(), tokio_postgres::Error> {
    const PATIENTS: &str = "-- seed.clinic.patients
        INSERT INTO patient (id, clinic_id, medical_record_number, first_name, last_name, name_key, born_on, sex, email,
            referring_physician, partner_patient_id, lifestyle, consented_at, last_entry_at, created_at, updated_at)
        SELECT t.id, $14, t.number, t.first, t.last, t.key, t.born, t.sex, t.email, t.physician, t.partner, t.life::jsonb,
            t.consented, t.since, t.since, t.since
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::date[], $7::text[], $8::text[],
            $9::text[], $10::uuid[], $11::text[], $12::timestamptz[], $13::timestamptz[])
            AS t (id, number, first, last, key, born, sex, email, physician, partner, life, since, consented)";
    let arguments: [&(dyn tokio_postgres::types::ToSql + Sync); 14] = [
        &c.ids,
        &c.numbers,
        &c.first_names,
        &c.last_names,
        &c.keys,
        &c.births,
        &c.sexes,
        &c.emails,
        &c.physicians,
        &c.partners,
        &c.lifestyles,
        &c.since,
        &c.consented,
        &clinic,
    ];
    tx.execute(PATIENTS, &arguments).await?;
    Ok(())
}
