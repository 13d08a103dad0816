//! The form as it was sent, kept for a day, so that each page of it is a plain address: it can be loaded again, and gone back to.

use axum::http::Method;
use easemob_admin_remote::api::{Draft as KeptDraft, NewDraft, Problem};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::preview::Preview;
use crate::fields::Fields;
use crate::visit::Facts;

/// What is not kept: what belongs to one session or one request, and the list, which is kept apart.
const LEFT_OUT: [&str; 6] = ["form", "list", "kept", "draft", "take", "step"];

/// What is kept of the form.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Kept {
    fields: Vec<(String, String)>,
    pub(super) list: String,
    pub(super) preview: Option<Preview>,
    pub(super) problem: Option<Problem>,
}

impl Kept {
    pub(super) fn of(sent: &Fields, list: &str) -> Self {
        let fields = sent.0.iter();
        Self {
            fields: fields
                .filter(|(name, _)| !LEFT_OUT.contains(&name.as_str()))
                .cloned()
                .collect(),
            list: list.to_owned(),
            preview: None,
            problem: None,
        }
    }

    pub(super) fn fields(&self) -> Fields {
        Fields(self.fields.clone())
    }
}

/// Reads what was kept.
pub(super) async fn read(visit: &Facts, id: &str) -> Result<Kept, Problem> {
    let draft: KeptDraft = visit.api.get(&["drafts", id], &[]).await?;
    // What an older version has kept can be filled in again.
    Ok(serde_json::from_value(draft.content).unwrap_or_default())
}

/// Keeps the form in the place of what was kept before, and returns where.
pub(super) async fn keep(visit: &Facts, before: Option<&str>, kept: &Kept) -> Result<String, Problem> {
    let new = NewDraft {
        content: serde_json::to_value(kept).map_err(|error| crate::api::broken(&error.to_string()))?,
    };
    if let Some(id) = before {
        let changed = visit
            .api
            .send::<KeptDraft>(Method::PUT, &["drafts", id], &new)
            .await;
        match changed {
            Ok(_) => return Ok(id.to_owned()),
            // It has ended, or is somebody else's: this one has a place of its own.
            Err(problem) if problem.status == 404 => {}
            Err(problem) => return Err(problem),
        }
    }
    let made: Value = visit.api.send(Method::POST, &["drafts"], &new).await?;
    Ok(made["id"].as_str().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_of_a_session_is_not_kept() {
        let fields = [
            ("form", "secret"),
            ("list", "ann"),
            ("step", "plan"),
            ("reason", "leak"),
            ("run", "20261129-120000-00000a"),
        ];
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let kept = Kept::of(&Fields(fields.iter().map(owned).collect()), "ann\nbob");
        let text = serde_json::to_string(&kept).unwrap();
        assert!(!text.contains("secret") && text.contains("leak"), "{text}");
        let again: Kept = serde_json::from_str(&text).unwrap();
        assert_eq!(again.fields().one("run"), "20261129-120000-00000a");
        assert_eq!(again.list, "ann\nbob");
    }
}
