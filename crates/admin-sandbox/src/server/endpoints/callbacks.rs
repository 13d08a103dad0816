//! Posts that a webhook's receiver did not take (page "callback exception storage").

use serde::Deserialize;
use serde_json::{Value, json};

use crate::rules::stored_callbacks::Again;
use crate::server::envelope::Envelope;
use crate::server::errors::ApiError;
use crate::server::request::Request;

#[derive(Deserialize)]
struct Retry {
    date: String,
    /// Where to send them instead.
    #[serde(default, rename = "targetUrl")]
    target_url: String,
}

/// Lists what is stored, by ten minutes.
pub(in crate::server) fn stored(request: &mut Request<'_>) -> Result<Value, ApiError> {
    opened(request)?;
    let stored = request.app.stored_callbacks.list(request.now_ms);
    let rows: Vec<Value> = stored
        .iter()
        .map(|row| json!({"date": row.date, "size": row.posts, "retry": row.retried}))
        .collect();
    Ok(answer(request, json!(rows)))
}

/// Has the posts of ten minutes sent again.
pub(in crate::server) fn retry(request: &mut Request<'_>) -> Result<Value, ApiError> {
    opened(request)?;
    let form: Retry = request.form()?;
    let posts = request.app.stored_callbacks.retry(&form.date, request.now_ms);
    let Some(posts) = posts else {
        return Err(ApiError::illegal_argument(format!(
            "nothing is stored for date {}",
            form.date
        )));
    };
    request.app.callbacks_again.push(Again {
        date: form.date,
        target: Some(form.target_url).filter(|url| !url.is_empty()),
        posts,
    });
    Ok(answer(request, json!("success")))
}

fn opened(request: &Request<'_>) -> Result<(), ApiError> {
    if request.settings.callback_storage {
        Ok(())
    } else {
        Err(ApiError::forbidden("callback storage service is unopened"))
    }
}

/// The page has `post` as the action of both calls.
fn answer(request: &mut Request<'_>, data: Value) -> Value {
    Envelope::new(request, "post")
        .app()
        .path("/callbacks")
        .data(data)
        .finish()
}
