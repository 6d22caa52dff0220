//! A Bundle as it is sent: the members that are used here, and those that change the meaning. What is made of it:
//! [`super::incoming`].

use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

/// A Bundle, its resources not looked into.
#[derive(Debug, Deserialize)]
pub struct Bundle {
    /// `Bundle`.
    #[serde(rename = "resourceType")]
    pub resource_type: String,
    /// What it is for.
    #[serde(rename = "type")]
    pub kind: String,
    /// The entries.
    #[serde(default)]
    pub entry: Vec<Entry>,
}

/// An entry.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Its name in the Bundle.
    pub full_url: Option<String>,
    /// The resource.
    pub resource: Option<Box<RawValue>>,
    /// What is to be done with it.
    pub request: Option<Request>,
}

/// What is to be done.
#[derive(Debug, Deserialize)]
pub struct Request {
    /// `POST`: nothing else is done here.
    pub method: String,
}

/// A resource of which only the type is read.
#[derive(Debug, Deserialize)]
pub(super) struct AnyResource {
    #[serde(rename = "resourceType")]
    pub(super) resource_type: String,
}

/// What something is called in a system.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Identifier {
    pub(super) system: Option<String>,
    pub(super) value: Option<String>,
}

/// A code of a system.
#[derive(Debug, Deserialize)]
pub(super) struct Coding {
    pub(super) system: Option<String>,
    pub(super) code: Option<String>,
}

/// The same in several systems.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Coded {
    #[serde(default)]
    pub(super) coding: Vec<Coding>,
}

/// Whom something is about.
#[derive(Debug, Deserialize)]
pub(super) struct Reference {
    pub(super) reference: Option<String>,
    pub(super) identifier: Option<Identifier>,
}

/// A number with its unit; its digits are kept.
#[derive(Debug, Deserialize)]
pub(super) struct Quantity {
    pub(super) value: Option<Box<RawValue>>,
    pub(super) comparator: Option<String>,
    pub(super) unit: Option<String>,
    pub(super) system: Option<String>,
    pub(super) code: Option<String>,
}

/// What is usual.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReferenceRange {
    pub(super) low: Option<Quantity>,
    pub(super) high: Option<Quantity>,
    #[serde(default)]
    pub(super) applies_to: Vec<IgnoredAny>,
    pub(super) age: Option<IgnoredAny>,
}

/// A value.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Observation {
    #[serde(default)]
    pub(super) identifier: Vec<Identifier>,
    pub(super) status: Option<String>,
    #[serde(default)]
    pub(super) code: Coded,
    pub(super) subject: Option<Reference>,
    pub(super) focus: Option<IgnoredAny>,
    pub(super) effective_date_time: Option<String>,
    pub(super) effective_instant: Option<String>,
    pub(super) effective_period: Option<IgnoredAny>,
    pub(super) effective_timing: Option<IgnoredAny>,
    pub(super) value_quantity: Option<Quantity>,
    pub(super) value_codeable_concept: Option<Coded>,
    pub(super) value_string: Option<String>,
    #[serde(default)]
    pub(super) interpretation: Vec<Coded>,
    #[serde(default)]
    pub(super) reference_range: Vec<ReferenceRange>,
    #[serde(default)]
    pub(super) component: Vec<IgnoredAny>,
    pub(super) modifier_extension: Option<IgnoredAny>,
    pub(super) implicit_rules: Option<IgnoredAny>,
}

/// A patient, as far as it is named.
#[derive(Debug, Deserialize)]
pub(super) struct PatientIn {
    pub(super) id: Option<String>,
    #[serde(default)]
    pub(super) identifier: Vec<Identifier>,
}
