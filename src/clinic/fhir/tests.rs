//! What is sent can be read, and says the same; what is wrong is told with its place.

use jiff::{
    Timestamp,
    civil::{Date, date},
};
use proptest::{option::of as maybe, prelude::*, sample::select};
use serde_json::{Value, json};

use super::{
    bundle::Bundle,
    incoming::{self, Here, Read, Subject},
    outgoing,
    systems::{FISCAL_CODE, URI},
    types::{Issue, Resource},
};
use crate::{
    clinic::{
        laboratory::bounds::BOUNDS,
        laboratory::names::{self, Analyte, Kind},
        patients::{Content, Patient},
        values::{
            LaboratoryValue, NewValue, Source, canonical,
            entered::{Entered, FINDINGS, Of},
        },
    },
    ids::{ClinicId, PatientId, UserId},
};

const TODAY: Date = date(2026, 11, 22);
const HERE: Here<'_> = Here { base: "https://here.example/api/v1/fhir", today: TODAY };
const ANNA: &str = "01980f3c-7a3e-7cc1-8f1b-2a6d3a1c9e10";

fn patient() -> Patient {
    let at: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
    let content: Content = serde_json::from_value(json!({
        "first_name": "Anna", "last_name": "Bianchi", "born_on": "1990-05-17", "sex": "female",
        "fiscal_code": "BNCNNA90E57A944K", "medical_record_number": "FE-77",
    }))
    .unwrap();
    Patient {
        id: PatientId(ANNA.parse().unwrap()),
        clinic_id: ClinicId(uuid::Uuid::nil()),
        content,
        consented_at: None,
        last_entry_at: at,
        archived_at: None,
        anonymised_at: None,
        merged_into: None,
        created_at: at,
        updated_at: at,
        version: 3,
    }
}

/// As it would be kept.
fn kept(new: &NewValue) -> LaboratoryValue {
    LaboratoryValue {
        id: new.id,
        clinic_id: new.clinic_id,
        patient_id: new.patient_id,
        source: new.source,
        patient_document_id: None,
        external_id: new.external_id.clone(),
        also_called: new.also_called.clone(),
        analyte: new.analyte.to_owned(),
        loinc: new.loinc.map(str::to_owned),
        comparator: new.comparator.map(str::to_owned),
        number: new.number.clone(),
        finding: new.finding.clone(),
        unit: new.unit.clone(),
        canonical: None,
        canonical_unit: None,
        range_low: new.range_low.clone(),
        range_high: new.range_high.clone(),
        flag: new.flag.map(str::to_owned),
        printed_flag: new.printed_flag.map(str::to_owned),
        observed_on: new.observed_on,
        confidence: None,
        doubts: Vec::new(),
        domains: Vec::new(),
        place: None,
        recorded_by: new.recorded_by,
        withdrawn_at: new.withdrawn_at,
        replaced_by: None,
        replaces: new.replaces,
        created_at: new.created_at,
    }
}

fn read(bundle: &Value) -> Result<Read, Vec<Issue>> {
    let bundle: Bundle = serde_json::from_str(&bundle.to_string()).unwrap();
    incoming::read(&bundle, HERE)
}

fn said(bundle: &Value) -> Vec<String> {
    let issues = read(bundle).err().unwrap_or_default();
    let word = |it: &Issue| it.details.as_ref().and_then(|it| it.text.clone()).unwrap_or_default();
    issues.iter().map(|it| format!("{} {} {}", it.expression[0], it.code, word(it))).collect()
}

/// A value as it may be entered.
fn entered()
-> impl Strategy<Value = (&'static Analyte, Option<&'static str>, String, Option<String>, Option<String>)> {
    let all: Vec<&'static Analyte> = names::all().filter(|it| canonical::unit(it).is_some()).collect();
    let comparators = maybe(select(vec!["<", "<=", ">=", ">"]));
    (
        select(all),
        comparators,
        "[1-9][0-9]{0,3}(\\.[0-9]{1,3})?",
        maybe("[1-9]\\.[0-9]{2}"),
        maybe("[1-9][0-9]{4}"),
    )
}

fn sent_again(value: &NewValue) -> NewValue {
    // As text: a tree of JSON values would not keep the digits.
    let observation = serde_json::to_string(&outgoing::observation(&kept(value))).unwrap();
    let text =
        format!(r#"{{"resourceType":"Bundle","type":"collection","entry":[{{"resource":{observation}}}]}}"#);
    let bundle: Bundle = serde_json::from_str(&text).unwrap();
    let read = incoming::read(&bundle, HERE).unwrap_or_else(|issues| panic!("{issues:?}\n{text}"));
    let sent = &read.sent[0];
    assert_eq!(sent.subject, Subject::Id(ANNA.parse().unwrap()));
    let patient = patient();
    let of = Of {
        patient: &patient,
        source: Source::Fhir,
        names: &sent.names,
        observed_on: sent.observed_on,
        printed_flag: sent.printed_flag,
        by: value.recorded_by,
    };
    sent.fitting.value(of, value.created_at)
}

fn same(a: &NewValue, b: &NewValue) {
    assert_eq!(
        (a.analyte, a.loinc, a.comparator, &a.number, &a.finding, &a.unit, a.observed_on),
        (b.analyte, b.loinc, b.comparator, &b.number, &b.finding, &b.unit, b.observed_on)
    );
    assert_eq!(
        (&a.canonical, a.canonical_unit, &a.range_low, &a.range_high, a.flag, &a.domains),
        (&b.canonical, b.canonical_unit, &b.range_low, &b.range_high, b.flag, &b.domains)
    );
}

fn of(patient: &Patient) -> Of<'_> {
    Of {
        patient,
        source: Source::Form,
        names: &[],
        observed_on: Some(date(2026, 3, 12)),
        printed_flag: None,
        by: UserId(uuid::Uuid::nil()),
    }
}

proptest! {
    #[test]
    fn a_number_that_is_sent_is_read_with_its_digits_its_unit_and_its_range(
        (analyte, comparator, number, low, high) in entered(), day in 0..3000_i64,
    ) {
        let observed_on = TODAY.checked_sub(jiff::Span::new().days(day)).unwrap();
        let entered = Entered {
            analyte,
            comparator,
            number: Some(&number),
            unit: canonical::unit(analyte),
            finding: None,
            range_low: low.as_deref(),
            range_high: high.as_deref(),
        };
        let patient = patient();
        let now: Timestamp = "2026-11-22T10:00:00.123456Z".parse().unwrap();
        let of = Of { observed_on: Some(observed_on), ..of(&patient) };
        let fitting = match entered.check() {
            Ok(fitting) => fitting,
            Err(misfits) => {
                let why: Vec<_> = misfits.iter().map(|it| (it.member, it.why.code())).collect();
                prop_assert_eq!(why, [("number", "out_of_range")], "{} {}", number, analyte.code);
                let mut its = BOUNDS.iter().filter(|it| it.code == analyte.code).map(ToString::to_string);
                prop_assert!(number.find('.').unwrap_or(number.len()) > 1 || its.any(|it| !it.starts_with("between 0 ")));
                return Ok(());
            }
        };
        let value = fitting.value(of, now);
        prop_assert_eq!(value.number.as_deref(), Some(number.as_str()));
        let again = sent_again(&value);
        same(&value, &again);
        prop_assert_eq!(again.external_id, Some(format!("{URI}|urn:uuid:{}", value.id)));
    }
}

#[test]
fn findings_and_karyotypes_are_sent_and_read() {
    let (patient, now) = (patient(), Timestamp::UNIX_EPOCH);
    let plain = |analyte| Entered {
        analyte,
        comparator: None,
        number: None,
        unit: None,
        finding: None,
        range_low: None,
        range_high: None,
    };
    let mut count = 0;
    for analyte in names::all().filter(|it| it.takes_findings()) {
        for finding in FINDINGS {
            let value = Entered { finding: Some(finding), ..plain(analyte) }
                .check()
                .unwrap()
                .value(of(&patient), now);
            same(&value, &sent_again(&value));
            count += 1;
        }
    }
    assert!(count > 80, "{count}");
    for analyte in names::all().filter(|it| it.kind == Kind::Karyotype) {
        let value =
            Entered { finding: Some("46,XY"), ..plain(analyte) }.check().unwrap().value(of(&patient), now);
        same(&value, &sent_again(&value));
    }
}

#[expect(clippy::needless_pass_by_value, reason = "tests write what they send in place")]
fn bundle(observation: Value) -> Value {
    json!({ "resourceType": "Bundle", "type": "transaction", "entry": [{ "resource": observation }] })
}

#[expect(clippy::needless_pass_by_value, reason = "tests write what they send in place")]
fn fsh(more: Value) -> Value {
    let mut fsh = json!({
        "resourceType": "Observation", "status": "final",
        "identifier": [{ "system": "https://lab.example", "value": "1" }],
        "code": { "coding": [{ "system": "http://loinc.org", "code": "15067-2" }] },
        "subject": { "reference": format!("Patient/{ANNA}") },
        "effectiveDateTime": "2026-03-12T08:30:00+01:00",
        "valueQuantity": { "value": 7.2, "unit": "mIU/mL", "system": "http://unitsofmeasure.org", "code": "m[IU]/mL" },
        "note": [{ "text": "passed over" }],
    });
    fsh.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    fsh
}

#[test]
fn what_is_not_understood_is_refused_with_its_place() {
    let taken = read(&bundle(fsh(json!({})))).unwrap();
    assert_eq!(
        (taken.sent[0].observed_on, &*taken.left[0].1),
        (Some(date(2026, 3, 12)), &["note".to_owned()][..])
    );
    let at = |rest: &str| format!("Bundle.entry[0].resource.{rest}");
    let unit = |code: &str| json!({ "valueQuantity": { "value": 7.2, "system": "http://unitsofmeasure.org", "code": code } });
    let code =
        |system: &str, code: &str| json!({ "code": { "coding": [{ "system": system, "code": code }] } });
    for (more, expected) in [
        (code("http://loinc.org", "1-8"), at("code code-invalid unknown_code")),
        (code("http://snomed.info/sct", "1"), at("code code-invalid unknown_code")),
        (unit("mm"), at("valueQuantity.code value unknown_unit")),
        (unit("furlong"), at("valueQuantity.code value unknown_unit")),
        (json!({ "valueQuantity": { "value": 7.2 } }), at("valueQuantity.code value required")),
        (json!({ "valueQuantity": { "value": -7.2, "unit": "mIU/mL" } }), at("value value not_a_number")),
        (
            json!({ "valueQuantity": { "value": 7200, "system": "http://unitsofmeasure.org", "code": "m[IU]/mL" } }),
            at("value value out_of_range"),
        ),
        (json!({ "valueQuantity": null }), at("value value required")),
        (
            json!({ "status": "entered-in-error", "identifier": [], "subject": null }),
            at("identifier required required"),
        ),
        (json!({ "status": "preliminary" }), at("status business-rule not_allowed")),
        (json!({ "identifier": [] }), at("identifier required required")),
        (json!({ "subject": null }), at("subject required required")),
        (json!({ "subject": { "reference": "Group/1" } }), at("subject invalid unknown_patient")),
        (json!({ "effectiveDateTime": "2026" }), at("effectiveDateTime value invalid")),
        (json!({ "effectiveDateTime": "2026-03-12Tnonsense" }), at("effectiveDateTime value invalid")),
        (json!({ "effectiveDateTime": "2026-03-12T08:30:00" }), at("effectiveDateTime value invalid")),
        (json!({ "effectiveDateTime": "0001-01-01" }), at("effectiveDateTime value out_of_range")),
        (json!({ "effectiveDateTime": "2999-01-01" }), at("effectiveDateTime invalid in_the_future")),
        (json!({ "modifierExtension": [{}] }), at("modifierExtension not-supported not_allowed")),
        (json!({ "focus": [{ "reference": "Device/1" }] }), at("focus not-supported not_allowed")),
        (json!({ "valueQuantity": { "value": "x" }, "status": 3 }), at("status structure wrong_type")),
    ] {
        assert_eq!(said(&bundle(fsh(more.clone()))), [expected], "{more}");
    }
    // The code says a mass, the unit an amount.
    let contradiction =
        fsh(json!({ "code": { "coding": [{ "system": "http://loinc.org", "code": "3024-7" }] },
        "valueQuantity": { "value": 12, "system": "http://unitsofmeasure.org", "code": "pmol/L" } }));
    assert_eq!(said(&bundle(contradiction)), [at("code invalid contradicts")]);
    let twice = json!({ "resourceType": "Bundle", "type": "batch", "entry": [{ "resource": fsh(json!({})) },
        { "resource": fsh(json!({})) }, { "request": { "method": "PUT", "url": "x" }, "resource": fsh(json!({ "identifier":
            [{ "system": "s", "value": "v" }] })) }, {}] });
    assert_eq!(
        said(&twice),
        [
            "Bundle.entry[2].request.method not-supported not_allowed",
            "Bundle.entry[3].resource required required",
            "Bundle.entry[1].resource.identifier duplicate repeated",
        ]
    );
    assert_eq!(
        said(&json!({ "resourceType": "List", "type": "document" })),
        ["Bundle.resourceType invalid not_allowed", "Bundle.type not-supported not_allowed"]
    );
    let many: Vec<_> = (0..=incoming::ENTRIES_MAX).map(|_| json!({})).collect();
    let many = json!({ "resourceType": "Bundle", "type": "batch", "entry": many });
    assert_eq!(said(&many), ["Bundle.entry too-long too_many"]);
}

#[test]
fn of_observations_an_import_takes_a_thousand_whatever_stands_beside_them() {
    let named = |n: usize| json!({ "resource": fsh(json!({ "identifier": [{ "system": "s", "value": n.to_string() }] })) });
    let bundle = |observations: usize, others: usize| {
        let beside = (0..others).map(|_| json!({ "resource": { "resourceType": "DiagnosticReport" } }));
        let entries: Vec<_> = (0..observations).map(named).chain(beside).collect();
        json!({ "resourceType": "Bundle", "type": "searchset", "entry": entries })
    };
    let most = incoming::OBSERVATIONS_MAX;
    let taken = read(&bundle(most, incoming::ENTRIES_MAX - most)).unwrap();
    assert_eq!((taken.sent.len(), taken.passed.len()), (1_000, 1_002));
    assert_eq!(said(&bundle(most + 1, 0)), ["Bundle.entry too-long too_many"]);
}

#[test]
fn the_largest_observation_that_is_exported_fits_into_its_share_of_a_bundle() {
    let patient = patient();
    let afc = Entered {
        analyte: names::by_code("afc").unwrap(),
        comparator: Some("<="),
        number: Some("12"),
        unit: None,
        finding: None,
        range_low: None,
        range_high: None,
    };
    let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
    // As many and as long as are read, of characters that JSON writes twice.
    let names: Vec<_> = (0..20).map(|n| format!("{}|{n:02}", "\"".repeat(252))).collect();
    let sent: Vec<_> = names.iter().map(|it| it.split_once('|').unwrap()).collect();
    let sent: Vec<_> =
        sent.iter().map(|(system, value)| json!({ "system": system, "value": value })).collect();
    let sent = read(&bundle(fsh(json!({ "identifier": sent })))).unwrap();
    assert_eq!(sent.sent[0].names, names);
    let value = kept(&afc.check().unwrap().value(Of { names: &names, ..of(&patient) }, now));
    let digits = || Some("9".repeat(30));
    let largest = LaboratoryValue {
        analyte: "a".repeat(50),
        loinc: Some("1234567-8".to_owned()),
        number: digits(),
        range_low: digits(),
        range_high: digits(),
        unit: Some("\"".repeat(50)),
        flag: Some("low".to_owned()),
        ..value
    };
    let observation = outgoing::observation(&largest);
    let resource = Resource::Observation(Box::new(observation));
    let base = format!("https://{}/api/v1/fhir", "a".repeat(253));
    let entry = serde_json::to_string(&outgoing::found(resource, "match", &base)).unwrap();
    println!("{} bytes", entry.len());
    assert!(entry.len() > 10_000 && entry.len() + 1 < incoming::ENTRY_BYTES_MAX, "{}", entry.len());
    let control = json!({ "identifier": [{ "system": "s", "value": "a\u{1}" }] });
    assert_eq!(said(&bundle(fsh(control))), ["Bundle.entry[0].resource.identifier value invalid"]);
}

#[test]
fn a_patient_is_named_by_one_in_the_bundle_or_by_an_identifier() {
    let named = |subject: Value| {
        let person = serde_json::to_value(outgoing::patient(&patient())).unwrap();
        let entries = json!([{ "fullUrl": "urn:uuid:1", "resource": person },
            { "resource": fsh(json!({ "subject": subject })) }]);
        let bundle = json!({ "resourceType": "Bundle", "type": "searchset", "entry": entries });
        let read = read(&bundle).unwrap();
        assert_eq!(read.passed, [(0, "Patient".to_owned())]);
        read.sent[0].subject.clone()
    };
    let Subject::Named(names) = named(json!({ "reference": "urn:uuid:1" })) else { panic!("by its names") };
    assert!(names.contains(&(FISCAL_CODE.to_owned(), "BNCNNA90E57A944K".to_owned())), "{names:?}");
    assert_eq!(named(json!({ "reference": format!("Patient/{ANNA}") })), Subject::Named(names));
    let other = "01980f3c-7a3e-7cc1-8f1b-2a6d3a1c9e11";
    for reference in [
        format!("Patient/{other}"),
        format!("Patient/{other}/_history/3"),
        format!("https://here.example/api/v1/fhir/Patient/{other}"),
    ] {
        assert_eq!(
            named(json!({ "reference": reference })),
            Subject::Id(other.parse().unwrap()),
            "{reference}"
        );
    }
    let by_name = named(json!({ "identifier": { "system": FISCAL_CODE, "value": "X" } }));
    assert_eq!(by_name, Subject::Named(vec![(FISCAL_CODE.to_owned(), "X".to_owned())]));
}

#[test]
fn the_patient_of_another_server_is_not_ours_whatever_its_id() {
    let at = |full_url: Value, reference: String| {
        let entry =
            json!({ "fullUrl": full_url, "resource": fsh(json!({ "subject": { "reference": reference } })) });
        said(&json!({ "resourceType": "Bundle", "type": "collection", "entry": [entry] }))
    };
    let refused = ["Bundle.entry[0].resource.subject invalid unknown_patient"];
    for reference in [
        format!("https://other.example/fhir/Patient/{ANNA}"),
        format!("https://here.example/api/v1/fhirPatient/{ANNA}"),
        format!("https://here.example/api/v1/fhir/x/Patient/{ANNA}"),
        format!("xPatient/{ANNA}"),
    ] {
        assert_eq!(at(Value::Null, reference.clone()), refused, "{reference}");
    }
    // Relative to a resource of another server, it is that server's.
    let relative = || format!("Patient/{ANNA}");
    assert_eq!(at(json!("https://other.example/fhir/Observation/1"), relative()), refused);
    for ours in [
        json!("urn:uuid:01980f3c-7a3e-7cc1-8f1b-2a6d3a1c9e12"),
        json!("https://here.example/api/v1/fhir/Observation/1"),
    ] {
        assert_eq!(at(ours, relative()), [] as [&str; 0]);
    }
}

#[test]
fn identifiers_have_no_order_and_corrections_and_mistakes_are_told_apart() {
    let names = |all: Value| fsh(json!({ "identifier": all }));
    let one = |value: &str| json!({ "system": "s", "value": value });
    let found = read(&bundle(names(json!([{ "value": "bare" }, one("a"), one("b"), one("a")])))).unwrap();
    let sent = &found.sent[0];
    assert_eq!((sent.names.clone(), sent.is_correction), (vec!["s|a".to_owned(), "s|b".to_owned()], false));
    let both = json!({ "resourceType": "Bundle", "type": "batch", "entry": [
        { "resource": names(json!([one("a"), one("b")])) }, { "resource": names(json!([one("c"), one("b")])) }] });
    assert_eq!(said(&both), ["Bundle.entry[1].resource.identifier duplicate repeated"]);
    let many: Vec<_> = (0..21).map(|n| one(&n.to_string())).collect();
    assert_eq!(said(&bundle(names(json!(many)))), ["Bundle.entry[0].resource.identifier too-long too_many"]);
    for status in ["amended", "corrected"] {
        assert!(read(&bundle(fsh(json!({ "status": status })))).unwrap().sent[0].is_correction);
    }
    // What a mistake says is not true, and is not looked at.
    let mistake =
        fsh(json!({ "status": "entered-in-error", "code": {}, "valueQuantity": null, "subject": null }));
    let found = read(&bundle(mistake)).unwrap();
    assert_eq!(
        (found.sent.len(), found.mistakes[0].names.as_slice()),
        (0, ["https://lab.example|1".to_owned()].as_slice())
    );
}

#[test]
fn what_was_withdrawn_and_what_was_put_right_say_so() {
    let patient = patient();
    let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
    let afc = Entered {
        analyte: names::by_code("afc").unwrap(),
        comparator: None,
        number: Some("12"),
        unit: None,
        finding: None,
        range_low: None,
        range_high: None,
    };
    let names = ["s|a".to_owned(), "s|b".to_owned()];
    let value = afc.check().unwrap().value(Of { names: &names, ..of(&patient) }, now);
    let observation = outgoing::observation(&kept(&value));
    assert_eq!((observation.status, observation.identifier.len()), ("final", 2));
    let right = NewValue { replaces: Some(value.id), ..value.clone() };
    assert_eq!(outgoing::observation(&kept(&right)).status, "corrected");
    let wrong = NewValue { withdrawn_at: Some(now), ..value };
    assert_eq!(outgoing::observation(&kept(&wrong)).status, "entered-in-error");
}

#[test]
fn ranges_in_another_unit_are_converted_and_those_for_some_people_left_out() {
    let range = |ranges: Value| {
        let read = read(&bundle(fsh(json!({ "referenceRange": ranges })))).unwrap();
        let patient = patient();
        let value = read.sent[0].fitting.value(of(&patient), Timestamp::UNIX_EPOCH);
        (value.range_low, value.range_high, value.flag)
    };
    let quantity = |value: f64, code: &str| json!({ "value": value, "system": "http://unitsofmeasure.org", "code": code });
    let plain = json!([{ "low": quantity(3.5, "[IU]/L"), "high": quantity(12.5, "m[IU]/mL") }]);
    assert_eq!(range(plain), (Some("3.5".to_owned()), Some("12.5".to_owned()), Some("normal")));
    let low = json!([{ "low": quantity(8.0, "m[IU]/mL") }]);
    assert_eq!(range(low).2, Some("low"));
    let some = json!([{ "low": quantity(8.0, "m[IU]/mL"), "appliesTo": [{}] }]);
    assert_eq!(range(some), (None, None, None));
    let several = json!([{ "low": quantity(1.0, "m[IU]/mL") }, { "low": quantity(2.0, "m[IU]/mL") }]);
    assert_eq!(range(several), (None, None, None));
}

#[test]
fn members_that_are_empty_are_left_out() {
    let person = serde_json::to_value(outgoing::patient(&patient())).unwrap();
    assert!(person.get("telecom").is_none());
    let nobody = Patient { anonymised_at: Some(Timestamp::UNIX_EPOCH), ..patient() };
    let nobody = serde_json::to_value(outgoing::patient(&nobody)).unwrap();
    assert_eq!((nobody.get("name"), &nobody["birthDate"]), (None, &json!("1990")));
}
