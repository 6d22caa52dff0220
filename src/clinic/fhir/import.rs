//! A Bundle written down: all of it or nothing, and once, however often it is sent.
//!
//! What an Observation does with what is kept under one of its names:
//! - `final`: nothing, if the same is kept, also if that was withdrawn since; something else is a conflict.
//! - `amended`, `corrected`: what it says takes the place of what counted until now, which stays readable. What was withdrawn here
//!   and is sent again as it was stays withdrawn: systems send the same each night.
//! - `entered-in-error`: what counted is withdrawn, also without consent, whatever else the Observation says.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;

use super::{
    incoming::{Issues, Mistake, Read, Sent},
    resolve::{self, Kept},
    types::Issue,
};
use crate::{
    clinic::{
        patients::{
            Patient, Unfit,
            entries::{self, Refused},
        },
        staff::Permission,
        values::{LaboratoryValue, NewValue, Source, entered::Of, record},
    },
    db::{DbError, Tx},
    ids::{ClinicId, LaboratoryValueId, PatientId, UserId},
};

/// What became of an Observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Imported {
    /// Which entry.
    pub at: usize,
    /// The value; none, if there was nothing to withdraw.
    pub id: Option<LaboratoryValueId>,
    /// What was done.
    pub became: Became,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Became {
    /// It was written down.
    New,
    /// It was there.
    Same,
    /// It was there, and was withdrawn since: it stays so.
    StaysWithdrawn,
    /// It is withdrawn.
    Withdrawn,
    /// It was sent by mistake, and was never here.
    Unknown,
}

/// What was done to a patient, for the audit log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// How many values are new.
    pub new: usize,
    /// What counts no more, and what has taken its place.
    pub withdrawn: Vec<(LaboratoryValueId, Option<LaboratoryValueId>)>,
}

/// What was imported.
#[derive(Debug, Default)]
pub struct Done {
    /// What became of each Observation.
    pub imported: Vec<Imported>,
    /// What was done to whom.
    pub changes: BTreeMap<PatientId, Changes>,
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// What is wrong with which entry.
    #[error("nothing was imported")]
    Wrong(Vec<Issue>),
    /// Somebody sends or changes the same at this moment.
    #[error("the same is being imported or changed")]
    Raced,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Who imports, where.
#[derive(Debug, Clone, Copy)]
pub struct Importer {
    /// Who.
    pub user: UserId,
    /// Where.
    pub clinic: ClinicId,
}

/// Writes values down about patients who have consented, and puts right what was sent before.
pub async fn write(
    tx: &mut Tx,
    importer: Importer,
    read: &Read,
    now: Timestamp,
) -> Result<Done, ImportError> {
    let subjects = resolve::subjects(tx, importer, &read.sent).await?;
    let before = Kept::find(tx, importer, read).await?;
    let whose = before.all().map(|it| it.patient_id);
    let ids: BTreeSet<PatientId> = subjects.values().flatten().copied().chain(whose).collect();
    let ids: Vec<PatientId> = ids.into_iter().collect();
    let locked = entries::lock_each(tx, (importer.user, Permission::WriteAnalyses), &ids).await?;
    let patients: HashMap<PatientId, Patient> = locked.into_iter().map(|it| (it.id, it)).collect();
    // What is known of them now, when nobody else changes it any more.
    let kept = Kept::find(tx, importer, read).await?;
    if kept.all().any(|it| !patients.contains_key(&it.patient_id)) {
        return Err(ImportError::Raced);
    }
    let mut writing = Writing { importer, now, patients: &patients, kept: &kept, plan: Plan::default() };
    for sent in &read.sent {
        let patient = subjects.get(&sent.subject).copied().flatten().and_then(|id| patients.get(&id));
        writing.take(sent, patient);
    }
    for mistake in &read.mistakes {
        writing.withdraw(mistake);
    }
    let Plan { issues, new, gone, done } = writing.plan;
    issues.end().map_err(ImportError::Wrong)?;
    // First what goes: of one name one value counts.
    record::withdraw_each(tx, &gone, now).await?;
    match record::insert(tx, &new).await {
        Ok(_) => {}
        // Of another patient, who was not locked.
        Err(error) if error.constraint() == Some("laboratory_value_sent_once") => {
            return Err(ImportError::Raced);
        }
        Err(error) => return Err(error.into()),
    }
    let written: BTreeSet<PatientId> =
        read.sent.iter().filter_map(|it| *subjects.get(&it.subject)?).collect();
    let written: Vec<PatientId> = written.into_iter().collect();
    if !written.is_empty() {
        entries::touch_each(tx, &written, now).await?;
    }
    Ok(done)
}

/// What is to be written.
#[derive(Default)]
struct Plan {
    issues: Issues,
    new: Vec<NewValue>,
    gone: Vec<(LaboratoryValueId, Option<LaboratoryValueId>)>,
    done: Done,
}

impl Plan {
    fn told(&mut self, at: usize, id: Option<LaboratoryValueId>, became: Became) {
        self.done.imported.push(Imported { at, id, became });
    }

    fn is_going(&self, value: &LaboratoryValue) -> bool {
        self.gone.iter().any(|(id, _)| *id == value.id)
    }

    fn goes(&mut self, value: &LaboratoryValue, by: Option<LaboratoryValueId>) {
        self.gone.push((value.id, by));
        self.done.changes.entry(value.patient_id).or_default().withdrawn.push((value.id, by));
    }
}

struct Writing<'a> {
    importer: Importer,
    now: Timestamp,
    patients: &'a HashMap<PatientId, Patient>,
    kept: &'a Kept,
    plan: Plan,
}

impl Writing<'_> {
    fn refuse(&mut self, refused: &Refused, place: String) {
        let code = refused.code();
        self.plan.issues.add(issue_of(code), code, place, refused.to_string());
    }

    /// It cannot be of this patient.
    fn unfit(&mut self, unfit: &[Unfit], place: &str) {
        for it in unfit {
            let (code, member) = match it {
                Unfit::BeforeBirth => ("invalid", "effective"),
                Unfit::OtherSex => ("business-rule", "code"),
            };
            self.plan.issues.add(code, it.code(), format!("{place}.{member}"), it.to_string());
        }
    }

    fn twice(&mut self, place: &str) {
        let detail = "another entry of this Bundle changes the same value, by another of its identifiers";
        self.plan.issues.add("duplicate", "repeated", format!("{place}.identifier"), detail);
    }

    fn take(&mut self, sent: &Sent, patient: Option<&Patient>) {
        let place = format!("Bundle.entry[{}].resource", sent.at);
        let Some(patient) = patient else {
            let detail = "there is no such patient in this clinic: register the patient first";
            return self.plan.issues.add("not-found", "unknown_patient", format!("{place}.subject"), detail);
        };
        if let Err(refused) = entries::consented(patient) {
            return self.refuse(&refused, format!("{place}.subject"));
        }
        let of = Of {
            patient,
            source: Source::Fhir,
            names: &sent.names,
            observed_on: sent.observed_on,
            printed_flag: sent.printed_flag,
            by: self.importer.user,
        };
        let mut value = sent.fitting.value(of, self.now);
        let kept = self.kept.called(&sent.names);
        let (counting, withdrawn): (Vec<_>, Vec<_>) =
            kept.into_iter().partition(|it| it.withdrawn_at.is_none());
        let same = match counting.as_slice() {
            [] => withdrawn.iter().rev().find(|it| value.says(it)).map(|it| (it.id, Became::StaysWithdrawn)),
            [one] if value.says(one) => Some((one.id, Became::Same)),
            _ => None,
        };
        if let Some((id, became)) = same {
            return self.plan.told(sent.at, Some(id), became);
        }
        // What is here already was written before: to send it again changes nothing.
        let unfit = patient.content.unfit(sent.observed_on, sent.fitting.only_of());
        if !unfit.is_empty() {
            return self.unfit(&unfit, &place);
        }
        let last = withdrawn.iter().find(|it| it.replaced_by.is_none()).or(withdrawn.last());
        let before = match (counting.as_slice(), last) {
            ([], None) => None,
            ([one], _) if sent.is_correction => Some(*one),
            ([], Some(last)) if sent.is_correction => Some(*last),
            _ => {
                let detail = "an Observation of this identifier is kept already, and says something else";
                return self.plan.issues.add("conflict", "taken", format!("{place}.identifier"), detail);
            }
        };
        if let Some(before) = before {
            if self.plan.is_going(before) {
                return self.twice(&place);
            }
            if let Err(refused) = entries::open(&self.patients[&before.patient_id]) {
                return self.refuse(&refused, format!("{place}.identifier"));
            }
            value.replaces = Some(before.id);
            self.plan.goes(before, Some(value.id));
        }
        self.plan.done.changes.entry(patient.id).or_default().new += 1;
        self.plan.told(sent.at, Some(value.id), Became::New);
        self.plan.new.push(value);
    }

    fn withdraw(&mut self, mistake: &Mistake) {
        let kept = self.kept.called(&mistake.names);
        let Some(last) = kept.last() else { return self.plan.told(mistake.at, None, Became::Unknown) };
        let counting: Vec<_> = kept.iter().filter(|it| it.withdrawn_at.is_none()).collect();
        let Some(first) = counting.first() else {
            return self.plan.told(mistake.at, Some(last.id), Became::StaysWithdrawn);
        };
        let id = first.id;
        for value in counting {
            if self.plan.is_going(value) {
                return self.twice(&format!("Bundle.entry[{}].resource", mistake.at));
            }
            if let Err(refused) = entries::open(&self.patients[&value.patient_id]) {
                return self.refuse(&refused, format!("Bundle.entry[{}].resource.identifier", mistake.at));
            }
            self.plan.goes(value, None);
        }
        self.plan.told(mistake.at, Some(id), Became::Withdrawn);
    }
}

const fn issue_of(code: &str) -> &'static str {
    match code.as_bytes() {
        b"consent_missing" => "forbidden",
        b"not_found" => "not-found",
        _ => "business-rule",
    }
}
