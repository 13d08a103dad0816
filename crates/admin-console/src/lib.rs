//! The console: pages on which people look and act.
//!
//! | module | what it does |
//! |---|---|
//! | `pages` | one file per page |
//! | `widgets` | what several pages show, one concept per file |
//! | `frame` | what is around each page: header, navigation, language and theme |
//! | `visit` | who asks for a page, about which app, in which language and time zone |
//! | `entrance` | lets people in, and keeps other sites out |
//! | `api` | asks the service, in the same process, in the name of whoever asks |
//! | `page` | a page as a handler returns it, and why there is none |
//! | `fields` | what a form has sent |
//! | `fresh` | acts with much at stake want somebody who has just signed in |
//! | `stake` | how much an act puts at stake, and so how it is confirmed |
//! | `widgets` | pieces that several pages share |
//! | `look` | language, theme and time zone, which the browser keeps |
//! | `standing` | what the header says of the app |
//! | `usage` | how much of the budget of calls is in use |
//! | `banned` | how many users are banned |
//! | `times` | times as people read them |
//! | `problem` | why the console refuses something itself |
//! | `lock_end`, `planned` | when a lock ends; runs and plans that a form makes |
//! | `titles` | what the service says when it refuses, for translation |
//! | `numbers` | numbers as people read them |
//! | `icons` | the icons |
//! | `assets` | style and script, which are part of the program |

mod api;
mod assets;
mod banned;
mod entrance;
mod fields;
mod frame;
mod fresh;
mod icons;
mod lock_end;
mod look;
mod numbers;
mod page;
mod pages;
mod planned;
mod problem;
mod stake;
mod standing;
mod times;
mod titles;
mod usage;
mod visit;
mod widgets;

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use easemob_admin_server::access::openid::console::Place;
use easemob_admin_server::service::Service;
use easemob_admin_server::while_read;
use tower_http::compression::CompressionLayer;

/// What all pages share.
#[derive(Debug, Clone)]
struct Console {
    service: Service,
    /// The routes of the service, which answer in this process.
    api: Router,
    /// Whether browsers reach it over TLS.
    over_tls: bool,
    /// How fast runs that somebody looks at go on.
    paces: Arc<pages::run::pace::Paces>,
    /// What verifying trails found.
    verifications: Arc<pages::audit::verification::Verifications>,
    /// How much of the budget of calls is in use.
    usage: Arc<usage::Usage>,
    /// How many users are banned.
    bans: Arc<banned::Bans>,
}

/// Returns the address to which browsers come back from an issuer, which has to know exactly this one.
#[must_use]
pub fn comes_back_to(address: &str, issuer: &Place) -> String {
    format!("{address}{}", pages::path_back_from(issuer))
}

/// Returns the routes of the console, all below `/console`. Cookies are for TLS only if browsers reach it `over_tls`.
pub fn routes(service: &Service, over_tls: bool) -> Router {
    let console = Console {
        service: service.clone(),
        api: service.routes(),
        over_tls,
        paces: Arc::default(),
        verifications: Arc::default(),
        usage: Arc::default(),
        bans: Arc::default(),
    };
    let inside = pages::inside()
        .layer(from_fn(while_read))
        .layer(from_fn_with_state(console.clone(), entrance::enter));
    pages::outside()
        .merge(inside)
        .layer(from_fn(entrance::same_site))
        .layer(from_fn(entrance::safe))
        .merge(assets::routes())
        .layer(CompressionLayer::new())
        .with_state(console)
}
