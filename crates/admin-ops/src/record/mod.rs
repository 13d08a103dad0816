//! What a run says to the audit trail: [`sink`] writes it there before it goes into the journal, [`parts`] divides what is too
//! long for a line, and [`taken_over`] brings back what the trail has and the journal lost.

pub mod parts;
pub mod sink;
pub mod taken_over;
