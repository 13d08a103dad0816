//! User lists of any length from the command line, a file or stdin, in constant memory.
//!
//! A list is read twice. The first pass ([`user_list`]) checks every line, finds duplicates ([`duplicates`])
//! and copies the good lines to an unnamed temporary file, so that stdin, pipes and files that change in the
//! meantime all behave the same. Only when the whole list is known to be good is anything sent to the server.
//! The second pass streams the copy.
//!
//! [`easemob_admin_ops::names`] checks which names are allowed.

pub mod duplicates;
pub mod spool;
pub mod table;
pub mod user_list;
