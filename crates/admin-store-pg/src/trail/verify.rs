//! Verifies the lines of a trail.

use std::fs;

use easemob_admin_audit::{Against, AuditError, Checkpoint, PublicKey, SignedHeads, Verification, Verifier};
use easemob_admin_ops::store_error::StoreError;

use crate::statement::{damaged, field, query, query_opt};
use crate::trail::beginning::SaidToBeArchived;
use crate::trail::{PgTrail, TrailError};

impl PgTrail {
    /// Verifies all lines, in flat memory, and writes nothing. Blocks the thread.
    ///
    /// Without a key that was stored elsewhere, it is the key of this machine, with the heads that it signed and kept outside
    /// the database. A machine that has signed nothing takes the key in the database that signed last, which proves the
    /// least. Of heads that were stored elsewhere, those of all machines count, because each names its key by a digest; the
    /// file may have heads of other trails too. Heads of other keys in the database are not checked.
    ///
    /// # Errors
    /// When the lines, the key or the stored heads cannot be read, or the key has signed none of the heads. Problems of the
    /// trail itself are not errors.
    pub fn verify(&self, against: &Against) -> Result<Verification, TrailError> {
        let first = self.first_entry()?;
        // Heads of entries that were removed prove nothing about those that are left.
        let reaches = |own: &SignedHeads| {
            let heads = String::from_utf8_lossy(&own.heads).into_owned();
            let mut sizes = heads.lines().map(|head| Checkpoint::verified(head, &own.key));
            sizes.any(|head| head.map_or(true, |head| head.size >= first))
        };
        let own = SignedHeads::read(&self.keys)?.filter(|own| !own.heads.is_empty() && reaches(own));
        let kept = against
            .key
            .clone()
            .or_else(|| own.as_ref().map(|own| own.key.clone()));
        let is_kept = kept.is_some();
        let key = kept.map_or_else(|| self.last_signer(), Ok)?;
        let heads = self.heads_of(&key)?;
        let mut verifier = if is_kept {
            Verifier::with_kept_key(&self.origin, &key, heads)?
        } else {
            Verifier::new(&self.origin, &key, heads)
        };
        if let Some(path) = &against.checkpoints {
            let heads = fs::read(path).map_err(|source| AuditError::Io {
                doing: "read",
                path: path.clone(),
                source,
            })?;
            let mut keys = self.signers()?;
            keys.insert(0, key);
            verifier = verifier.with_heads_of_signers(path, heads, &self.origin, &keys)?;
        }
        if let Some(own) = own.filter(|_| against.key.is_none()) {
            verifier = verifier.with_kept_heads(own.file, own.heads)?;
        }
        self.verified(verifier)
    }

    /// Returns the public key of this machine, or else the key in the database that signed last. Blocks the thread.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn public_key(&self) -> Result<PublicKey, TrailError> {
        match SignedHeads::read(&self.keys)? {
            Some(own) => Ok(own.key),
            None => self.last_signer(),
        }
    }

    fn verified(&self, mut verifier: Verifier) -> Result<Verification, TrailError> {
        // Read after the heads, so every head of them has its lines.
        let end = self.end().map_err(|error| self.failed(error))?;
        let mut archived = SaidToBeArchived::default();
        for line in self.lines(0, end.lines) {
            let line = line.map_err(|error| self.failed(error))?;
            archived.note(&line.text);
            if verifier.line(line.segment, &line.text).is_break() {
                break;
            }
        }
        let mut found = verifier.finish();
        if let Some(what) = archived.problem(found.first).filter(|_| found.holds()) {
            found.trail_is_bad = true;
            found.problems.push(self.problem(1, &what));
        }
        Ok(found)
    }

    /// Returns the heads that a key signed, one per line.
    pub(super) fn heads_of(&self, key: &PublicKey) -> Result<String, TrailError> {
        let (id, key) = (self.id, key.id());
        let heads = self.database.read(move |connection| async move {
            let wanted =
                "SELECT jws FROM easemob_admin.trail_head WHERE trail = $1 AND key = $2 ORDER BY size";
            let rows = query(&connection, wanted, &[&id, &key]).await?;
            let mut heads = String::new();
            for row in &rows {
                heads += field(row, 0)?;
                heads.push('\n');
            }
            Ok(heads)
        });
        heads.map_err(|error| self.failed(error))
    }

    /// Returns the keys of all machines, as far as they can be read.
    pub(super) fn signers(&self) -> Result<Vec<PublicKey>, TrailError> {
        let id = self.id;
        let pems = self.database.read(move |connection| async move {
            let wanted = "SELECT pem FROM easemob_admin.trail_signer WHERE trail = $1";
            let rows = query(&connection, wanted, &[&id]).await?;
            rows.iter()
                .map(|row| field::<String>(row, 0))
                .collect::<Result<Vec<_>, _>>()
        });
        let pems = pems.map_err(|error| self.failed(error))?;
        Ok(pems
            .iter()
            .filter_map(|pem| PublicKey::from_pem(pem).ok())
            .collect())
    }

    fn last_signer(&self) -> Result<PublicKey, TrailError> {
        let id = self.id;
        let pem: Result<Option<String>, StoreError> = self.database.read(move |connection| async move {
            let wanted = "SELECT pem FROM easemob_admin.trail_signer LEFT JOIN easemob_admin.trail_head USING (trail, key) \
                          WHERE trail = $1 ORDER BY size DESC NULLS LAST, key LIMIT 1";
            let row = query_opt(&connection, wanted, &[&id]).await?;
            row.map(|row| field(&row, 0)).transpose()
        });
        let pem = pem.map_err(|error| self.failed(error))?;
        let pem = pem.ok_or_else(|| self.failed(damaged("no machine has signed this trail")))?;
        PublicKey::from_pem(&pem).map_err(|why| self.failed(damaged(why)))
    }
}
