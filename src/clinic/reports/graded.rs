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

/// Of semen, what its table of values does not have.
const BESIDE_SEMEN: [&str; 3] = ["abstinence_days", "liquefaction_minutes", "pellet"];

impl Say {
    /// What was measured or seen, as far as this server knows its names: what came out of it, and what it came from.
    pub(super) fn graded(&self, analysis: &Analysis) -> Vec<String> {
        let (result, input) = (&analysis.result, &analysis.input);
        let said = |label: &str, value: String| Some(format!("{}: {value}", self.word("graded", label)));
        let numbered = |name: &str, unit: &str| {
            let value = result[name].as_f64()?;
            said(name, format!("{}{unit}", number(&value.to_string(), self.0)))
        };
        let (found, given) = match analysis.kind.as_str() {
            "semen" => {
                let values = self.semen(result).into_iter().map(Some).collect();
                (values, self.given(input, |name| !BESIDE_SEMEN.contains(&name)))
            }
            "embryo" => {
                let has_name = result["gardner"].is_string();
                let name = result["gardner"].as_str().and_then(|it| said("gardner", it.to_owned()));
                let parts = ["expansion", "inner_cell_mass", "trophectoderm"];
                let given = self.given(input, |member| has_name && parts.contains(&member));
                let found = vec![
                    name,
                    self.between(result, "istanbul", |it| it.as_u64().map(|it| it.to_string())),
                    self.between(result, "quality", |it| {
                        Some(self.word("answer", &format!("quality_{}", it.as_str()?)))
                    }),
                    numbered("cells_percent", " %"),
                ];
                (found, given)
            }
            "follicle" => {
                let found = ["total_antral_follicles", "leading_mm", "from_11_mm"];
                let units = ["", " mm", ""];
                let found = found.into_iter().zip(units).map(|(name, unit)| numbered(name, unit)).collect();
                (found, self.given(input, |name| name == "total_antral_follicles"))
            }
            "hysteroscopy" => (vec![self.cavity(result), self.classes(result)], self.given(input, |_| false)),
            _ => {
                let score = numbered("morphology_score", "");
                (vec![score], self.given(input, |name| name == "morphology_score"))
            }
        };
        found.into_iter().flatten().chain(given).collect()
    }

    /// A grade, or between which it lies; nothing, if it may be any.
    fn between(&self, result: &Value, name: &str, word: impl Fn(&Value) -> Option<String>) -> Option<String> {
        let shown = word(&result[name]).or_else(|| {
            let ends = ["best", "worst"].map(|end| &result[format!("{name}_at_{end}").as_str()]);
            let is_any = ends == ["excellent", "poor"] || (*ends[0] == 1 && *ends[1] == 3);
            if is_any { None } else { Some(format!("{} – {}", word(ends[0])?, word(ends[1])?)) }
        });
        Some(format!("{}: {}", self.word("graded", name), shown?))
    }

    /// How heavy what was found in the cavity is, or is at least.
    fn cavity(&self, result: &Value) -> Option<String> {
        let word = |name: &str| Some(self.word("answer", &format!("cavity_{}", result[name].as_str()?)));
        let level = word("level").or_else(|| Some(self.at_least(&word("level_at_least")?)))?;
        Some(format!("{}: {level}", self.word("graded", "level")))
    }

    /// The systems by which it was classed; the type of a myoma stands beside its size.
    fn classes(&self, result: &Value) -> Option<String> {
        let all = result["findings"].as_array()?.iter().filter_map(|it| it["class"].as_str());
        let all: Vec<_> = all.filter(|it| !it.starts_with("FIGO")).collect();
        (!all.is_empty()).then(|| format!("{}: {}", self.word("graded", "classes"), all.join(", ")))
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
