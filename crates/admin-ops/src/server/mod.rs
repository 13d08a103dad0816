//! The server, as jobs see it: the [`calls`] they need, with errors [`reduce`]d to what jobs decide by, the [`client`] behind
//! them, and users as it has [`listed`] them.

pub mod calls;
pub mod client;
pub mod listed;
pub mod reduce;
