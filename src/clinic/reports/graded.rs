//! Graded analyses on paper: the figures on which their sentences rest, beside their limits.

use serde_json::Value;

use super::{
    figures::{number, quantity, range},
    page::Say,
    record::Analysis,
};

/// What semen is judged by, as the tables of values call it.
const SEMEN: [(&str, &str); 11] = [
    ("volume", "semen_volume"),
    ("total_number", "sperm_total"),
    ("concentration", "sperm_concentration"),
    ("total_motility", "sperm_motility_total"),
    ("progressive", "sperm_motility_progressive"),
    ("non_progressive", "sperm_motility_nonprogressive"),
    ("immotile", "sperm_immotile"),
    ("vitality", "sperm_vitality"),
    ("normal_forms", "sperm_morphology_normal"),
    ("ph", "semen_ph"),
    ("leukocytes", "semen_leukocytes"),
];

impl Say {
    /// What was measured or seen, as far as this server knows its names.
    pub(super) fn graded(&self, analysis: &Analysis) -> Vec<String> {
        let result = &analysis.result;
        let said = |label: &str, value: String| Some(format!("{}: {value}", self.word("graded", label)));
        let numbered = |name: &str, unit: &str| {
            let value = result[name].as_f64()?;
            said(name, format!("{}{unit}", number(&value.to_string(), self.0)))
        };
        let found = match analysis.kind.as_str() {
            "semen" => return self.semen(result),
            "embryo" => {
                let class = result["quality"].as_str();
                let class =
                    class.and_then(|it| said("quality", self.word("answer", &format!("quality_{it}"))));
                let name = result["gardner"].as_str().and_then(|it| said("gardner", it.to_owned()));
                [name, numbered("istanbul", ""), class]
            }
            "follicle" => [numbered("total_antral_follicles", ""), numbered("leading_mm", " mm"), None],
            "hysteroscopy" => {
                let level = result["level"].as_str();
                [level.and_then(|it| said("level", self.word("answer", &format!("cavity_{it}")))), None, None]
            }
            _ => [numbered("morphology_score", ""), None, None],
        };
        found.into_iter().flatten().collect()
    }

    /// Each value beside the limit of its reference.
    fn semen(&self, result: &Value) -> Vec<String> {
        let one = |it: &Value| {
            let (_, analyte) = SEMEN.iter().find(|(name, _)| it["parameter"] == *name)?;
            let value = number(&it["value"].as_f64()?.to_string(), self.0);
            let limit = it["limit"].as_f64().map(|limit| limit.to_string());
            let limit = range(limit.as_deref(), None, self.0);
            let limit = if limit.is_empty() { limit } else { format!(" ({limit})") };
            let measured = quantity(&value, it["unit"].as_str()?, self.0);
            Some(format!("{}: {measured}{limit}", self.word("analyte", analyte)))
        };
        result["values"].as_array().into_iter().flatten().filter_map(one).collect()
    }
}
