//! The assignment list: rows that vanish are confirmed before they count.

use crate::model::identity::Assignment;

use crate::cycle::failure::CycleFailure;

use super::Importer;

/// How often the list is read again to see whether rows that vanished are gone.
const READS: usize = 3;

/// Where the source does not count its list, a row that vanished is believed when it is still
/// missing in a later cycle, so long after the first time at least.
const UNCOUNTED_MS: i64 = 300_000;

impl Importer<'_> {
    /// Reads the assignment list. A row that vanished is gone if another read, which brought as
    /// many rows as the source counts, lacks it too; that read shows what was lost or cut off, and
    /// what any read shows is there.
    ///
    /// Costs nothing more while no row vanishes, and one more read of the list when one does.
    ///
    /// # Errors
    /// The source's; and [`CycleFailure::ListCutShort`] if no read is complete.
    pub(super) async fn assignments(
        &self,
        stored: &[Assignment],
        notes: &mut Vec<String>,
    ) -> Result<Vec<Assignment>, CycleFailure> {
        let first = self.source.assignments(self.application).await?;
        if lacking(stored, &first).is_empty() {
            self.note_missing(&[]).await?;
            return Ok(first);
        }
        let mut seen = first.clone();
        for _ in 0..READS {
            let counted = self.source.counted_assignments(self.application).await?;
            if counted.rows != first {
                notes.push(format!(
                    "Two reads of the assignment list differ ({} and {} rows): what either shows \
                     counts.",
                    first.len(),
                    counted.rows.len()
                ));
            }
            // A counted read may come from an index. If it lacks what the first one shows, it is
            // behind, or the first one was cut off: then a third one has to agree.
            let behind = !lacking(&first, &counted.rows).is_empty();
            add(&mut seen, counted.rows);
            if lacking(stored, &seen).is_empty() {
                self.note_missing(&[]).await?;
                return Ok(seen);
            }
            match counted.complete {
                Some(true) => {
                    if behind {
                        add(&mut seen, self.source.assignments(self.application).await?);
                    }
                    self.note_missing(&[]).await?;
                    return Ok(seen);
                }
                Some(false) => {}
                None => return self.uncounted(stored, seen, notes).await,
            }
        }
        Err(CycleFailure::ListCutShort {
            message: format!(
                "the assignment list was cut short: it was read {} times, and each time it had \
                 fewer rows than it counts",
                READS + 1
            ),
        })
    }

    /// Keeps rows that vanished until a later cycle does not see them either.
    async fn uncounted(
        &self,
        stored: &[Assignment],
        mut seen: Vec<Assignment>,
        notes: &mut Vec<String>,
    ) -> Result<Vec<Assignment>, CycleFailure> {
        let known = self.store.missing_assignments().await?;
        let believed = |row: &Assignment| {
            known
                .iter()
                .any(|(missing, since)| missing == row && since.plus_ms(UNCOUNTED_MS) <= self.now)
        };
        let missing = lacking(stored, &seen);
        let kept: Vec<Assignment> = missing.into_iter().filter(|row| !believed(row)).collect();
        if !kept.is_empty() {
            notes.push(format!(
                "{} rows of the assignment list vanished, and the list was not counted: they are \
                 believed to be gone when the next cycle does not see them either.",
                kept.len()
            ));
        }
        self.note_missing(&kept).await?;
        add(&mut seen, kept);
        Ok(seen)
    }

    /// Remembers which rows are missing without being gone.
    async fn note_missing(&self, rows: &[Assignment]) -> Result<(), CycleFailure> {
        if !rows.is_empty() || !self.store.missing_assignments().await?.is_empty() {
            self.store.note_missing_assignments(rows.to_vec(), self.now).await?;
        }
        Ok(())
    }
}

/// Returns those of `wanted` that `rows`, which are sorted, lack.
fn lacking(wanted: &[Assignment], rows: &[Assignment]) -> Vec<Assignment> {
    wanted.iter().filter(|row| rows.binary_search(row).is_err()).copied().collect()
}

fn add(rows: &mut Vec<Assignment>, more: Vec<Assignment>) {
    rows.extend(more);
    rows.sort_unstable();
    rows.dedup();
}
