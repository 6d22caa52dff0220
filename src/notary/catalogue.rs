//! The catalogue: which acts there are and what they need, which documents, which appointments; in the reader's language.
//!
//! It is data of a migration (0023) and the same for everybody. What is not active any more is not shown.

use postgres_types::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    args,
    db::{Db, DbError},
    mail::Language,
};

/// A category of acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ActCategory {
    /// What programs call it.
    pub code: String,
    /// What people call it.
    pub name: String,
    /// Its types, in their order.
    pub act_types: Vec<ActType>,
}

/// A type of acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ActType {
    /// What programs call it.
    pub code: String,
    /// What people call it.
    pub name: String,
    /// How long its appointment takes.
    pub estimated_minutes: i16,
    /// Whether a property belongs to it.
    pub requires_property: bool,
    /// Whether a bank belongs to it.
    pub requires_bank: bool,
    /// Whether others than the client belong to it.
    pub requires_parties: bool,
    /// How its numbers in the register begin.
    pub register_prefix: String,
}

/// A type of acts, and the documents it needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ActTypeDetail {
    /// The type.
    #[serde(flatten)]
    pub act_type: ActType,
    /// Its category.
    pub category: String,
    /// What people call the category.
    pub category_name: String,
    /// What it needs, in the order of asking. Where there is none, the notary says what is needed.
    pub required_documents: Vec<RequiredDocument>,
}

/// A document that a type of acts needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RequiredDocument {
    /// The type of the document.
    #[serde(flatten)]
    pub document_type: DocumentType,
    /// Whether it cannot be done without.
    pub is_mandatory: bool,
    /// What to know about it.
    pub note: Option<String>,
}

/// A type of documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DocumentType {
    /// What programs call it.
    pub code: String,
    /// What people call it.
    pub name: String,
    /// `identity`, `property`, `tax`, `civil_status`, `corporate`, `financial`, `technical` or `other`.
    pub category: String,
    /// Who brings it: `client`, `seller`, `buyer`, `both`, `bank`, `professional`, `public_administration` or `notary`.
    pub required_from: String,
}

/// A type of appointments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AppointmentType {
    /// What programs call it.
    pub code: String,
    /// What people call it.
    pub name: String,
    /// How long it takes.
    pub minutes: i16,
    /// How numbers of acts that are made there begin.
    pub register_prefix: String,
}

/// Every type of acts, by category.
pub async fn act_types(db: &Db, language: Language) -> Result<Vec<ActCategory>, DbError> {
    const ACT_TYPES: &str = "-- notary.catalogue.act_types
        SELECT jsonb_build_object('code', c.code, 'name', CASE WHEN $1::text = 'en' THEN c.name_en ELSE c.name_it END,
            'act_types', jsonb_agg(jsonb_build_object('code', t.code,
                'name', CASE WHEN $1 = 'en' THEN t.name_en ELSE t.name_it END, 'estimated_minutes', t.estimated_minutes,
                'requires_property', t.requires_property, 'requires_bank', t.requires_bank,
                'requires_parties', t.requires_parties, 'register_prefix', t.register_prefix)
                ORDER BY t.position)) AS shown
        FROM act_category AS c JOIN act_type AS t ON t.category_code = c.code AND t.is_active
        GROUP BY c.code ORDER BY c.position";
    let rows = db.public().read(ACT_TYPES, args![language.code()]).await?;
    Ok(rows.iter().map(|row| row.get::<_, Json<ActCategory>>("shown").0).collect())
}

/// One type of acts with what it needs.
pub async fn act_type(db: &Db, code: &str, language: Language) -> Result<Option<ActTypeDetail>, DbError> {
    const ACT_TYPE: &str = "-- notary.catalogue.act_type
        SELECT jsonb_build_object('code', t.code, 'name', CASE WHEN $1::text = 'en' THEN t.name_en ELSE t.name_it END,
            'estimated_minutes', t.estimated_minutes, 'requires_property', t.requires_property,
            'requires_bank', t.requires_bank, 'requires_parties', t.requires_parties,
            'register_prefix', t.register_prefix, 'category', c.code,
            'category_name', CASE WHEN $1 = 'en' THEN c.name_en ELSE c.name_it END,
            'required_documents', (
                SELECT coalesce(jsonb_agg(jsonb_build_object('code', d.code,
                    'name', CASE WHEN $1 = 'en' THEN d.name_en ELSE d.name_it END, 'category', d.category,
                    'required_from', d.required_from, 'is_mandatory', r.is_mandatory,
                    'note', CASE WHEN $1 = 'en' THEN r.note_en ELSE r.note_it END) ORDER BY r.position), '[]')
                FROM required_document AS r JOIN document_type AS d ON d.code = r.document_type AND d.is_active
                WHERE r.act_type = t.code)) AS shown
        FROM act_type AS t JOIN act_category AS c ON c.code = t.category_code WHERE t.code = $2 AND t.is_active";
    let rows = db.public().read(ACT_TYPE, args![language.code(), code.to_owned()]).await?;
    Ok(rows.first().map(|row| row.get::<_, Json<ActTypeDetail>>("shown").0))
}

/// Every type of documents.
pub async fn document_types(db: &Db, language: Language) -> Result<Vec<DocumentType>, DbError> {
    const DOCUMENT_TYPES: &str = "-- notary.catalogue.document_types
        SELECT jsonb_build_object('code', d.code, 'name', CASE WHEN $1::text = 'en' THEN d.name_en ELSE d.name_it END,
            'category', d.category, 'required_from', d.required_from) AS shown
        FROM document_type AS d WHERE d.is_active ORDER BY d.position";
    let rows = db.public().read(DOCUMENT_TYPES, args![language.code()]).await?;
    Ok(rows.iter().map(|row| row.get::<_, Json<DocumentType>>("shown").0).collect())
}

/// Every type of appointments.
pub async fn appointment_types(db: &Db, language: Language) -> Result<Vec<AppointmentType>, DbError> {
    const APPOINTMENT_TYPES: &str = "-- notary.catalogue.appointment_types
        SELECT jsonb_build_object('code', a.code, 'name', CASE WHEN $1::text = 'en' THEN a.name_en ELSE a.name_it END,
            'minutes', a.minutes, 'register_prefix', a.register_prefix) AS shown
        FROM appointment_type AS a WHERE a.is_active ORDER BY a.position";
    let rows = db.public().read(APPOINTMENT_TYPES, args![language.code()]).await?;
    Ok(rows.iter().map(|row| row.get::<_, Json<AppointmentType>>("shown").0).collect())
}
