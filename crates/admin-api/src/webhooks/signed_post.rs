//! The extractor for axum.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRef, FromRequest, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::webhooks::post::{InvalidPost, Post};
use crate::webhooks::signature::Secrets;

/// A post that the service signed, as an argument of a handler.
///
/// The state of the router must be the [`Secrets`], or contain them (`FromRef`). The body may have 2 MB unless
/// `DefaultBodyLimit` says otherwise.
///
/// ```
/// use axum::{Router, extract::FromRef, routing::post};
/// use easemob_admin_api::webhooks::{Event, Secrets, SignedPost};
///
/// async fn receive(SignedPost(post): SignedPost) {
///     if let Event::Session(session) = post.event {
///         println!("{} {} on {}", session.user, session.change, session.device);
///     }
/// }
///
/// let app: Router = Router::new()
///     .route("/hook", post(receive))
///     .with_state(Secrets::new(["the secret of the rule"]));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SignedPost(pub Post);

/// Why a post was not passed to the handler.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RefusedPost {
    /// The body is too large or broke off; 413 or 400.
    #[error("cannot read the body")]
    Body(#[source] BytesRejection),
    /// It is not a post of the service; 400.
    #[error(transparent)]
    Invalid(#[from] InvalidPost),
    /// None of the secrets signed it; 403.
    #[error("the post is not signed with the secret of the rule")]
    NotSigned,
}

impl IntoResponse for RefusedPost {
    fn into_response(self) -> Response {
        let why = self.to_string();
        match self {
            Self::Body(rejection) => rejection.into_response(),
            Self::Invalid(_) => (StatusCode::BAD_REQUEST, why).into_response(),
            Self::NotSigned => (StatusCode::FORBIDDEN, why).into_response(),
        }
    }
}

impl<S> FromRequest<S> for SignedPost
where
    Secrets: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = RefusedPost;

    async fn from_request(request: Request, state: &S) -> Result<Self, RefusedPost> {
        let body = Bytes::from_request(request, state)
            .await
            .map_err(RefusedPost::Body)?;
        let post = Post::parse(&body)?;
        if !post.is_signed_with(&Secrets::from_ref(state)) {
            return Err(RefusedPost::NotSigned);
        }
        Ok(Self(post))
    }
}
