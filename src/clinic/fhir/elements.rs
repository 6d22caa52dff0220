//! The elements that an Observation of R4 has (<https://hl7.org/fhir/R4/observation.html>): which are read, which are left out, and
//! that there are no others.
//!
//! Invariant: nothing that was sent is left out in silence. What R4 does not know is refused, what is known and not kept is told.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;

use super::incoming::Issues;

/// Read, or without a meaning for the value: its name, its history, how it is shown.
const READ: [&str; 24] = [
    "resourceType",
    "id",
    "meta",
    "implicitRules",
    "language",
    "text",
    "category",
    "modifierExtension",
    "identifier",
    "status",
    "code",
    "subject",
    "focus",
    "effectiveDateTime",
    "effectiveInstant",
    "effectivePeriod",
    "effectiveTiming",
    "valueQuantity",
    "valueCodeableConcept",
    "valueString",
    "dataAbsentReason",
    "interpretation",
    "referenceRange",
    "component",
];
/// Known and not kept.
const LEFT: [&str; 22] = [
    "contained",
    "extension",
    "basedOn",
    "partOf",
    "encounter",
    "issued",
    "performer",
    "valueBoolean",
    "valueInteger",
    "valueRange",
    "valueRatio",
    "valueSampledData",
    "valueTime",
    "valueDateTime",
    "valuePeriod",
    "note",
    "bodySite",
    "method",
    "specimen",
    "device",
    "hasMember",
    "derivedFrom",
];
/// Elements of which there is one, in one of several types.
const CHOICES: [&str; 2] = ["effective", "value"];

/// Adds what cannot be at `place` to the issues; the elements that are not kept.
pub(super) fn check(observation: &str, place: &str, issues: &mut Issues) -> Vec<String> {
    let members: BTreeMap<String, Option<IgnoredAny>> = serde_json::from_str(observation).unwrap_or_default();
    let mut left = Vec::new();
    let given = || members.iter().filter(|(_, it)| it.is_some()).map(|(name, _)| name.as_str());
    for name in given() {
        // `_status` has the extensions of `status`.
        let element = name.strip_prefix('_').unwrap_or(name);
        let is_extension = element != name;
        match (READ.contains(&element), LEFT.contains(&element)) {
            (true, _) if !is_extension => {}
            (true, _) | (_, true) => left.push(name.to_owned()),
            _ => {
                let detail = "is no element of an Observation of R4";
                issues.add("structure", "unknown_member", format!("{place}.{name}"), detail);
            }
        }
    }
    for choice in CHOICES {
        let is_of =
            |name: &&str| name.strip_prefix(choice).is_some_and(|it| it.starts_with(char::is_uppercase));
        if given().filter(is_of).count() > 1 {
            let detail = "must be given once, in one type";
            issues.add("structure", "repeated", format!("{place}.{choice}"), detail);
        }
    }
    let has_value = given().any(|name| name.starts_with("value"));
    if has_value && given().any(|name| name == "dataAbsentReason") {
        let detail = "must not be given beside a value (obs-6)";
        issues.add("invariant", "contradicts", format!("{place}.dataAbsentReason"), detail);
    }
    left
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_r4_does_not_have_is_refused_and_what_is_not_kept_is_told() {
        let base =
            json!({ "resourceType": "Observation", "status": "final", "valueQuantity": { "value": 7 } });
        for (more, left, wrong) in [
            (json!({}), vec![], vec![]),
            (json!({ "note": [], "method": null, "_status": {} }), vec!["_status", "note"], vec![]),
            (json!({ "foo": 1 }), vec![], vec!["O.foo structure"]),
            (json!({ "_foo": {} }), vec![], vec!["O._foo structure"]),
            (json!({ "valueBoolean": true }), vec!["valueBoolean"], vec!["O.value structure"]),
            (
                json!({ "effectiveInstant": "x", "effectiveDateTime": "y" }),
                vec![],
                vec!["O.effective structure"],
            ),
            (json!({ "dataAbsentReason": {} }), vec![], vec!["O.dataAbsentReason invariant"]),
        ] {
            let mut sent = base.clone();
            sent.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let mut issues = Issues::default();
            assert_eq!(check(&sent.to_string(), "O", &mut issues), left, "{more}");
            let issues = issues.end().err().unwrap_or_default();
            let said: Vec<String> =
                issues.iter().map(|it| format!("{} {}", it.expression[0], it.code)).collect();
            assert_eq!(said, wrong, "{more}");
        }
    }
}
