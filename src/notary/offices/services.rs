//! What an office offers, and what it costs.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    db::{DbError, Tx},
    ids::{NotaryId, NotaryServiceId},
};

/// Services of one office.
pub const SERVICES_MAX: usize = 50;

/// A service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = NotaryService)]
pub struct Service {
    /// Its id; another one after each replacement.
    pub id: NotaryServiceId,
    /// What it is.
    pub name: String,
    /// What belongs to it.
    pub description: String,
    /// What it costs, in cents; `null`: on request.
    pub fee_cents: Option<i64>,
    /// ISO 4217.
    pub currency: String,
}

/// A service to be offered.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewNotaryService)]
pub struct NewService {
    /// What it is.
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// What belongs to it.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub description: String,
    /// What it costs, in cents; `null`: on request.
    #[schema(minimum = 0, maximum = 100_000_000)]
    pub fee_cents: Option<i64>,
}

/// The services of an office `n`, as JSON.
macro_rules! services_of {
    () => {
        "(SELECT coalesce(jsonb_agg(jsonb_build_object('id', s.id, 'name', s.name, 'description', s.description,
            'fee_cents', s.fee_cents, 'currency', s.currency) ORDER BY s.position), '[]')
          FROM notary_service AS s WHERE s.notary_id = n.id)"
    };
}
pub(in crate::notary) use services_of;

/// Replaces all services of an office, in this order. The office must be locked.
pub async fn replace(
    tx: &mut Tx,
    notary: NotaryId,
    services: &[(NotaryServiceId, NewService)],
) -> Result<(), DbError> {
    const REPLACE: &str = "-- notary.offices.replace_services
        WITH gone AS (DELETE FROM notary_service WHERE notary_id = $1)
        INSERT INTO notary_service (id, notary_id, position, name, description, fee_cents)
        SELECT t.id, $1, t.position, t.name, t.description, t.fee_cents
        FROM unnest($2::uuid[], $3::text[], $4::text[], $5::bigint[])
            WITH ORDINALITY AS t (id, name, description, fee_cents, position)";
    let ids: Vec<_> = services.iter().map(|(id, _)| *id).collect();
    let names: Vec<_> = services.iter().map(|(_, service)| service.name.as_str()).collect();
    let descriptions: Vec<_> = services.iter().map(|(_, service)| service.description.as_str()).collect();
    let fees: Vec<_> = services.iter().map(|(_, service)| service.fee_cents).collect();
    tx.execute(REPLACE, &[&notary, &ids, &names, &descriptions, &fees]).await?;
    Ok(())
}
