//! The server as jobs see it: the [`calls`] that they need, with errors [`reduce`]d to what jobs base
//! decisions on, the [`client`] that makes them, and users as the server has [`listed`] them.

pub mod calls;
pub mod client;
pub mod listed;
pub mod reduce;
