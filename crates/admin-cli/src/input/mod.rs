//! User lists: from the command line, a file or stdin, of any length, in flat memory.
//!
//! A list is read twice. The first pass ([`user_list`]) checks every line, finds duplicates
//! ([`duplicates`]) and copies the good lines to an unnamed temporary file, so that stdin, pipes and files
//! that change meanwhile are all the same; only when the whole list is known to be good does anything go to
//! the server. The second pass streams the copy.
//!
//! What a name may hold is checked by [`easemob_admin_ops::names`].

pub mod duplicates;
pub mod spool;
pub mod table;
pub mod user_list;
