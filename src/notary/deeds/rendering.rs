//! How a text becomes a PDF: a preview, a draft, or the deed that is signed.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::deed::texts;
use crate::{
    args,
    db::{Db, DbError},
    ids::ActId,
    mail::{self, Language},
    notary::{
        templates::{
            fields::SIGNING,
            markup::{self, Block, MarkupError, Piece, Shape},
        },
        time::today,
    },
    pdf::{self, Document, Layout, RenderError, Rendering},
};

/// Width of what is filled in by the signature, in letters.
const BLANK: u8 = 9;

/// A text, and what fills it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// Its title.
    pub title: String,
    /// In which language it is.
    pub language: Language,
    /// In the markup of templates.
    pub body: String,
    /// What the act says.
    pub facts: BTreeMap<String, String>,
    /// What was given besides.
    pub given: BTreeMap<String, String>,
}

/// What is wrong with a text before it can be signed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lacks {
    /// Fields that nothing fills.
    pub missing: Vec<String>,
    /// Characters that no font has.
    pub unprintable: String,
}

/// What a PDF is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose<'a> {
    /// To see what a template looks like.
    Preview,
    /// To be read before it is signed.
    Draft,
    /// To be signed, under this number at this moment.
    Signing(&'a str, Timestamp),
}

impl Text {
    /// What fills a field: what the act says, else what was given.
    fn value(&self, name: &str) -> Option<&str> {
        self.facts.get(name).or_else(|| self.given.get(name)).map(String::as_str)
    }

    /// What is wrong with it.
    pub fn lacks(&self) -> Result<Lacks, MarkupError> {
        let blocks = markup::parse(&self.body)?;
        let (mut missing, mut bad) = (Vec::new(), pdf::unprintable(&self.title));
        bad.extend(pdf::unprintable(&self.body));
        for name in markup::fields(&blocks).into_iter().filter(|name| !SIGNING.contains(name)) {
            match self.value(name) {
                Some(value) => bad.extend(pdf::unprintable(value)),
                None => missing.push(name.to_owned()),
            }
        }
        Ok(Lacks { missing, unprintable: bad.into_iter().collect() })
    }

    /// The fields of the text that the act does not fill.
    pub fn own_fields(&self) -> Result<BTreeSet<String>, MarkupError> {
        let blocks = markup::parse(&self.body)?;
        let own = markup::fields(&blocks).into_iter();
        let own = own.filter(|name| !SIGNING.contains(name) && !self.facts.contains_key(*name));
        Ok(own.map(str::to_owned).collect())
    }

    /// The text as a document to be set.
    pub fn document(&self, purpose: Purpose<'_>, made_at: Timestamp) -> Result<Document, MarkupError> {
        let blocks = markup::parse(&self.body)?;
        let signing: BTreeMap<&str, String> = match purpose {
            Purpose::Signing(number, at) => {
                SIGNING.into_iter().zip([number.to_owned(), mail::date(today(at), self.language)]).collect()
            }
            Purpose::Preview | Purpose::Draft => BTreeMap::new(),
        };
        let blocks: Vec<Value> = blocks.iter().map(|block| self.block(block, &signing)).collect();
        Ok(Document {
            layout: Layout::Deed,
            language: self.language,
            title: self.title.clone(),
            made_at,
            data: self.page(&blocks, purpose),
            images: Vec::new(),
        })
    }

    fn block(&self, block: &Block, signing: &BTreeMap<&str, String>) -> Value {
        let runs: Vec<Value> = block
            .runs
            .iter()
            .map(|run| match &run.piece {
                Piece::Text(text) => json!({ "text": text, "bold": run.is_bold }),
                Piece::Field(name) => {
                    let value = signing.get(name.as_str()).map(String::as_str).or_else(|| self.value(name));
                    match value {
                        Some(value) => json!({ "text": value, "bold": run.is_bold }),
                        None if SIGNING.contains(&name.as_str()) => json!({ "blank": BLANK }),
                        None => json!({ "text": format!("[{name}]"), "bold": true }),
                    }
                }
            })
            .collect();
        let (kind, level) = match block.shape {
            Shape::Heading(level) => ("heading", level),
            Shape::Paragraph => ("paragraph", 0),
            Shape::Item => ("item", 0),
        };
        json!({ "kind": kind, "level": level, "runs": runs })
    }

    fn page(&self, blocks: &[Value], purpose: Purpose<'_>) -> Value {
        let fact = |name: &str| self.facts.get(name).map(String::as_str).unwrap_or_default();
        let it = self.language == Language::It;
        let notary = if it { "Notaio" } else { "Notary" };
        let head = [
            fact("office_name").to_owned(),
            format!("{notary} {}", fact("notary_name")),
            fact("office_address").to_owned(),
        ];
        let head: Vec<&String> = head.iter().filter(|line| !line.trim().is_empty()).collect();
        let mark = match (purpose, it) {
            (Purpose::Signing(..), _) => None,
            (Purpose::Draft, true) => Some("BOZZA – NON FIRMATA"),
            (Purpose::Draft, false) => Some("DRAFT – NOT SIGNED"),
            (Purpose::Preview, true) => Some("ANTEPRIMA DEL MODELLO"),
            (Purpose::Preview, false) => Some("PREVIEW OF A TEMPLATE"),
        };
        let (mut subtitle, mut closing) = (None, Vec::new());
        if let Purpose::Signing(number, at) = purpose {
            subtitle =
                Some(if it { format!("Repertorio n. {number}") } else { format!("Register no. {number}") });
            let day = mail::date(today(at), self.language);
            closing.push(if it {
                format!("Atto sottoscritto con firma digitale dal notaio {}, {day}.", fact("notary_name"))
            } else {
                format!("Signed digitally by the notary {}, {day}.", fact("notary_name"))
            });
        }
        json!({
            "head": head, "subtitle": subtitle, "mark": mark, "blocks": blocks, "closing": closing,
            "signature": [if it { "Il notaio" } else { "The notary" }, fact("notary_name")],
            "foot": format!("{} · {}", fact("office_name"), self.title),
        })
    }
}

/// The deed of an act whose signature was asked for.
#[derive(Debug, Clone)]
pub struct Frozen {
    /// Which of the act's deeds.
    pub number: i32,
    /// What it says.
    pub text: Text,
}

/// The frozen deed of an act that somebody has been found to see.
pub async fn frozen(db: &Db, act: ActId) -> Result<Option<Frozen>, DbError> {
    const FROZEN: &str = "-- notary.deeds.frozen
        SELECT number, title, language, body, facts, given FROM deed WHERE act_id = $1 AND frozen_at IS NOT NULL";
    let rows = db.read(FROZEN, args![act]).await?;
    Ok(rows.first().map(|row| Frozen {
        number: row.get("number"),
        text: Text {
            title: row.get("title"),
            language: Language::of(row.get("language")),
            body: row.get("body"),
            facts: texts(row, "facts"),
            given: texts(row, "given"),
        },
    }))
}

/// The PDF of a frozen deed that is to be signed under a number at a moment: the same bytes whenever it is asked for.
pub async fn final_pdf(
    renderer: &impl Rendering,
    deed: &Frozen,
    protocol_number: &str,
    signed_at: Timestamp,
) -> Result<Bytes, RenderError> {
    let purpose = Purpose::Signing(protocol_number, signed_at);
    let document = deed.text.document(purpose, signed_at).expect("it was read when it was drafted");
    renderer.render(document).await
}
