//! Writes a plan.

use std::io::{self, Write};

use crate::files::digest::Hashed;
use crate::plan::document::{PlanHeader, PlanTotals, PlannedUser};

/// Writes a plan user by user.
pub struct PlanWriter<W> {
    out: Hashed<W>,
    empty: bool,
    totals: PlanTotals,
}

impl<W: Write> PlanWriter<W> {
    /// Writes the header line.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn begin(out: W, header: &PlanHeader) -> io::Result<Self> {
        let mut out = Hashed::new(out);
        let header = serde_json::to_string(header)?;
        let open = header.strip_suffix('}').unwrap_or(&header);
        write!(out, "{open},\"users\":[")?;
        Ok(Self {
            out,
            empty: true,
            totals: PlanTotals::default(),
        })
    }

    /// Writes one user; users with nothing to sign out are only counted.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn push(&mut self, user: &PlannedUser) -> io::Result<()> {
        self.totals.count(user);
        if user.end.is_empty() && user.error.is_none() {
            return Ok(());
        }
        self.out.write_all(if self.empty { b"\n" } else { b",\n" })?;
        self.empty = false;
        serde_json::to_writer(&mut self.out, user)?;
        Ok(())
    }

    /// Writes the end, and returns the writer with the totals and the digest that the last line has.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn finish(mut self) -> io::Result<(W, PlanTotals, String)> {
        let totals = serde_json::to_string(&self.totals)?;
        write!(self.out, "\n],\"totals\":{totals},\n")?;
        let (mut out, sha256) = self.out.finish();
        writeln!(out, "\"sha256\":\"{sha256}\"}}")?;
        Ok((out, self.totals, sha256))
    }
}
