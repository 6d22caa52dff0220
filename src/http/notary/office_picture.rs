//! The picture of one's office: decoded and encoded again, as those of events; nothing that was sent is ever served.

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::IntoResponse as _,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{own_office::outdated, told::entry};
use crate::{
    audit,
    events::images::{Key, Size},
    http::{
        auth::NotaryUser,
        client::ClientAddress,
        events::unusable,
        extract::Json,
        problem::{Answer, Problem, SOON},
        state::AppState,
        upload::{Upload, UploadFile, UploadForm},
    },
    jobs::events::RemoveImage,
    notary::{
        offices::{
            self, Office,
            picture::{self, ALT_MAX, Picture},
        },
        time::today,
    },
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(replace, remove))
}

/// One's office, locked, and with a licence.
async fn locked(
    state: &AppState,
    tx: &mut crate::db::Tx,
    user: crate::ids::UserId,
) -> Result<Office, Problem> {
    let locked = offices::lock(tx, user, today(state.clock.now())).await?;
    let locked = locked.ok_or_else(|| Problem::not_found("office"))?;
    locked.licence.status.valid()?;
    Ok(locked)
}

/// Gives one's office a picture, instead of the one it has. Send the file itself, or a form with `image` and `alt`.
#[utoipa::path(put, path = "/notary/office/picture", tag = "notary", security(("bearer" = [])),
    request_body(content((UploadForm = "multipart/form-data"), (UploadFile = "image/jpeg"), (UploadFile = "image/png"),
        (UploadFile = "image/webp"))),
    responses((status = 200, description = "The picture", body = Picture),
        (status = 403, description = "Only notaries may do this; `licence_expired`, `notary_inactive`"),
        (status = 404, description = "There is no office yet"),
        (status = 413, description = "The file is too large"),
        (status = 415, description = "It is no JPEG, PNG or WebP picture, whatever it is called"),
        (status = 422, description = "The picture is damaged or has too many pixels, or the form is wrong")))]
async fn replace(
    State(state): State<AppState>,
    NotaryUser(principal): NotaryUser,
    client: ClientAddress,
    request: Request,
) -> Answer {
    // Taken before the body is read: only so many uploads are in memory.
    let _place = state.imager.place().ok_or_else(|| Problem::unavailable(SOON))?;
    // Nobody should send megabytes to hear that there is no office.
    let mut tx = state.db.begin("notary.offices.picture_room").await?;
    locked(&state, &mut tx, principal.user).await?;
    tx.rollback().await?;
    let upload = Upload::read(request, *state.config.storage.max_image_bytes, ALT_MAX).await?;
    let full = state.imager.prepare(upload.image).await.map_err(unusable)?;
    let small = state.imager.shrink(full.jpeg.clone().into()).await.map_err(unusable)?;
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| Problem::internal(error.to_string()))?;
    let key = Key::new(random);
    // First the files, then the row: a row never names a missing file. Files without a row are pruned at night.
    for (size, jpeg) in [(Size::Full, full.jpeg), (Size::Medium, small.medium), (Size::Small, small.small)] {
        state.storage.put(&key.file(size), jpeg.into()).await?;
    }
    let mut tx = state.db.begin("notary.offices.picture").await?;
    let office = locked(&state, &mut tx, principal.user).await?;
    let had = picture::set(&mut tx, office.id, Some((&key, &upload.alt)), state.clock.now()).await?;
    if let Some(key) = had {
        state.jobs.enqueue(&mut tx, &RemoveImage { key }).await?;
    }
    let told = entry(&state, (&principal, client), "office.picture", ("office", office.id));
    audit::record(&mut tx, &[told]).await?;
    tx.commit().await?;
    outdated(&state, office.id);
    Ok(Json(Picture::of(&key, &upload.alt)).into_response())
}

/// Removes the picture of one's office; its files follow.
#[utoipa::path(delete, path = "/notary/office/picture", tag = "notary", security(("bearer" = [])),
    responses((status = 204, description = "There is none, now or before"),
        (status = 403, description = "Only notaries may do this; `licence_expired`, `notary_inactive`"),
        (status = 404, description = "There is no office yet")))]
async fn remove(
    State(state): State<AppState>,
    NotaryUser(principal): NotaryUser,
    client: ClientAddress,
) -> Answer {
    let mut tx = state.db.begin("notary.offices.no_picture").await?;
    let office = locked(&state, &mut tx, principal.user).await?;
    if let Some(key) = picture::set(&mut tx, office.id, None, state.clock.now()).await? {
        state.jobs.enqueue(&mut tx, &RemoveImage { key }).await?;
        let told = entry(&state, (&principal, client), "office.no_picture", ("office", office.id));
        audit::record(&mut tx, &[told]).await?;
    }
    tx.commit().await?;
    outdated(&state, office.id);
    Ok(StatusCode::NO_CONTENT.into_response())
}
