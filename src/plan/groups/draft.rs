//! What is planned for one group, before the guard judges it.
//!
//! Whoever goes out of a group is held, approved and rejected alone, so that an answer stays good
//! whoever else leaves in the meantime; what passes is put together into as few calls as it takes.

use super::*;

/// Why a member comes or goes, as far as it matters to the guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Comes in.
    Joins,
    /// Comes in from a part that is deleted afterwards.
    Merges,
    /// Is in scope and belongs into the group no longer.
    Leaves,
    /// Left altogether in this plan, which judged that.
    Left,
    /// Left altogether before.
    LeftBefore,
    /// Was put in by somebody else.
    Stranger,
    /// Is in a group that is emptied.
    Emptied,
}

/// Somebody who comes into a part.
#[derive(Clone, Debug)]
pub(super) struct In {
    pub position: u32,
    pub mover: Mover,
    pub kind: Kind,
    pub reason: Reason,
}

/// Somebody who goes out of a part.
#[derive(Clone, Debug)]
pub(super) struct Out {
    pub position: u32,
    pub kind: Kind,
    pub member: Member,
    pub label: String,
    pub reason: Reason,
    /// The removal of this member alone: what is held and answered.
    pub alone: PlannedChange,
}

impl Out {
    pub(super) fn new(
        part: &Part<'_>,
        kind: Kind,
        member: Member,
        label: String,
        reason: Reason,
    ) -> Self {
        let member = Member { counted: kind == Kind::Leaves, ..member };
        let state = part.after(kind);
        let (members, labels) = (vec![member.clone()], [label.as_str()]);
        let alone = part.removal(members, &labels, vec![reason.clone()], state);
        Self { position: part.position, kind, member, label, reason, alone }
    }
}

/// What is planned for one group.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub anchor: SourceAnchor,
    pub name: String,
    pub live: Vec<Part<'a>>,
    /// How many members the group has, and how many were removed within the last day.
    pub placed: u64,
    pub removed_today: u64,
    /// How many members were seen.
    pub seen: u64,
    /// Changes that pass unless everything waits.
    pub changes: Vec<PlannedChange>,
    /// The same, of what others made or named before.
    pub rewrites: Vec<PlannedChange>,
    /// The group is deleted.
    pub fate: Vec<PlannedChange>,
    /// A part of it is deleted, once its members are in others.
    pub merged: Vec<PlannedChange>,
    pub ins: Vec<In>,
    pub outs: Vec<Out>,
    /// What is withheld.
    pub held: Vec<(HoldKind, HeldItem)>,
    /// What others changed, and stays.
    pub drift: Vec<Drift>,
    /// Something has to be asked: the group is not done.
    pub open: bool,
    /// More can be done once those who go are out: the group is planned again.
    pub again: bool,
}

impl<'a> Draft<'a> {
    pub(super) fn new(anchor: SourceAnchor, live: Vec<Part<'a>>, name: String) -> Self {
        let sum = |number: fn(&GroupStanding) -> u32| {
            live.iter().map(|part| u64::from(number(part.standing))).sum()
        };
        Self {
            anchor,
            name,
            placed: sum(|standing| standing.placed),
            removed_today: sum(|standing| standing.removed_today),
            live,
            seen: 0,
            changes: Vec::new(),
            rewrites: Vec::new(),
            fate: Vec::new(),
            merged: Vec::new(),
            ins: Vec::new(),
            outs: Vec::new(),
            held: Vec::new(),
            drift: Vec::new(),
            open: false,
            again: false,
        }
    }

    pub(super) fn hold(&mut self, kind: HoldKind, detail: String) {
        self.held.push((kind, held(kind, self.anchor, &self.name, detail)));
    }

    /// Returns whether nothing is done, whether at once or later.
    pub(super) fn plans_nothing(&self) -> bool {
        let changes = [&self.changes, &self.rewrites, &self.fate, &self.merged];
        changes.into_iter().all(Vec::is_empty) && self.ins.is_empty() && self.outs.is_empty()
    }

    /// Returns whether nothing is planned and nothing waits.
    pub(super) fn is_idle(&self) -> bool {
        self.plans_nothing() && self.held.is_empty() && !self.open
    }

    pub(super) fn goes(&mut self, part: &Part<'_>, movers: &[Mover], kind: Kind, reason: &Reason) {
        let out = |mover: &Mover| {
            Out::new(part, kind, mover.member(), mover.label.clone(), reason.clone())
        };
        self.outs.extend(movers.iter().map(out));
    }

    pub(super) fn comes(&mut self, part: &Part<'_>, movers: &[Mover], kind: Kind, reason: &Reason) {
        let position = part.position;
        self.ins.extend(movers.iter().map(|mover| In {
            position,
            mover: mover.clone(),
            kind,
            reason: reason.clone(),
        }));
    }

    /// Returns the calls that take members out: of each part a hundred in a call.
    pub(super) fn removals(&self, mut outs: Vec<Out>) -> Vec<PlannedChange> {
        outs.sort_by(|left, right| {
            let key = |out: &Out| (out.position, out.member.person);
            key(left)
                .cmp(&key(right))
                .then_with(|| left.member.target_id.cmp(&right.member.target_id))
        });
        let mut calls = Vec::new();
        for here in outs.chunk_by(|left, right| left.position == right.position) {
            let part = here.first().and_then(|out| self.part(out.position));
            for chunk in here.chunks(MEMBERS_PER_CALL) {
                calls.extend(part.map(|part| self.removal(&part, chunk)));
            }
        }
        calls
    }

    fn removal(&self, part: &Part<'_>, outs: &[Out]) -> PlannedChange {
        let emptied = outs.iter().find(|out| out.kind == Kind::Emptied);
        let state = part.after(emptied.map_or(Kind::Leaves, |out| out.kind));
        let labels: Vec<&str> = outs.iter().map(|out| out.label.as_str()).collect();
        let members = outs.iter().map(|out| out.member.clone()).collect();
        let reasons = distinct(outs.iter().map(|out| &out.reason));
        let mut change = part.removal(members, &labels, reasons, state);
        change.unfinished = self.again;
        let counts = |out: &Out| out.kind == Kind::Emptied && out.member.approval.is_none();
        change.counted = outs.iter().any(counts);
        change
    }

    /// Returns the calls that put members in: into each part a hundred in a call.
    pub(super) fn additions(&self, mut ins: Vec<In>) -> Vec<PlannedChange> {
        ins.sort_by_key(|one| (one.position, one.mover.person));
        let mut calls = Vec::new();
        for here in ins.chunk_by(|left, right| left.position == right.position) {
            let Some(part) = here.first().and_then(|one| self.part(one.position)) else {
                continue;
            };
            for chunk in here.chunks(MEMBERS_PER_CALL) {
                let link = &part.standing.link;
                let target_id = Some(link.target_id.clone());
                let to = (link.name_sent.as_str(), link.part, target_id);
                let movers: Vec<Mover> = chunk.iter().map(|one| one.mover.clone()).collect();
                let reasons = distinct(chunk.iter().map(|one| &one.reason));
                let after = part.keep(GroupLinkState::Active);
                calls.push(addition(self.anchor, to, &movers, reasons, after));
            }
        }
        calls
    }

    fn part(&self, position: u32) -> Option<Part<'a>> {
        self.live.iter().find(|part| part.position == position).copied()
    }
}

fn distinct<'r>(reasons: impl Iterator<Item = &'r Reason>) -> Vec<Reason> {
    let mut distinct: Vec<Reason> = Vec::new();
    for reason in reasons {
        if !distinct.contains(reason) {
            distinct.push(reason.clone());
        }
    }
    distinct
}

/// A live link of the group, with its position among all links.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'a> {
    pub position: u32,
    pub standing: &'a GroupStanding,
}

impl Part<'_> {
    pub(super) fn target_id(&self) -> &TargetId {
        &self.standing.link.target_id
    }

    /// Returns the link as it is, in a state.
    pub(super) fn keep(&self, state: GroupLinkState) -> LinkAfter {
        let link = &self.standing.link;
        LinkAfter::Group {
            part: link.part,
            origin: link.origin.clone(),
            state,
            name: link.name_sent.clone(),
            found: Vec::new(),
        }
    }

    /// Returns the state of the link once a member is out.
    fn after(&self, kind: Kind) -> GroupLinkState {
        match kind {
            Kind::Emptied => GroupLinkState::Released,
            _ => self.standing.link.state,
        }
    }

    fn removal(
        &self,
        members: Vec<Member>,
        labels: &[&str],
        reasons: Vec<Reason>,
        state: GroupLinkState,
    ) -> PlannedChange {
        let link = &self.standing.link;
        change(Making {
            anchor: link.anchor,
            label: link.name_sent.clone(),
            target_id: Some(link.target_id.clone()),
            action: ProvisioningAction::Update,
            reasons,
            modified: labels.iter().map(|label| goes(label)).collect(),
            write: Write::Group(GroupWrite {
                part: link.part,
                target_id: Some(link.target_id.clone()),
                call: GroupCall::Remove { members },
            }),
            link: self.keep(state),
        })
    }
}

/// What a change of a group is made of.
pub(super) struct Making {
    pub anchor: SourceAnchor,
    pub label: String,
    pub target_id: Option<TargetId>,
    pub action: ProvisioningAction,
    pub reasons: Vec<Reason>,
    pub modified: Vec<ModifiedProperty>,
    pub write: Write,
    pub link: LinkAfter,
}

pub(super) fn change(making: Making) -> PlannedChange {
    let parts = Parts {
        object: ObjectKind::Group,
        anchor: making.anchor,
        label: making.label,
        target_id: making.target_id,
        action: making.action,
        reasons: making.reasons,
        modified: making.modified,
        write: making.write,
        link: making.link,
        before: None,
    };
    parts.seal(None)
}

/// Changes nothing but the link.
pub(super) fn note(part: &Part<'_>, reason: Reason, link: LinkAfter) -> PlannedChange {
    change(Making {
        anchor: part.standing.link.anchor,
        label: part.standing.link.name_sent.clone(),
        target_id: Some(part.target_id().clone()),
        action: ProvisioningAction::Other,
        reasons: vec![reason],
        modified: Vec::new(),
        write: Write::Nothing,
        link,
    })
}

/// One call that puts members into a part, which may not exist yet.
pub(super) fn addition(
    anchor: SourceAnchor,
    (name, part, target_id): (&str, u16, Option<TargetId>),
    movers: &[Mover],
    reasons: Vec<Reason>,
    link: LinkAfter,
) -> PlannedChange {
    let members = movers.iter().map(Mover::member).collect();
    change(Making {
        anchor,
        label: name.to_owned(),
        target_id: target_id.clone(),
        action: ProvisioningAction::Update,
        reasons,
        modified: movers.iter().map(|mover| comes(&mover.label)).collect(),
        write: Write::Group(GroupWrite { part, target_id, call: GroupCall::Add { members } }),
        link,
    })
}

pub(super) fn named(old: Option<&str>, new: &str) -> ModifiedProperty {
    let old = old.map(str::to_owned);
    ModifiedProperty { name: "Name".to_owned(), old, new: Some(new.to_owned()) }
}

pub(super) fn comes(label: &str) -> ModifiedProperty {
    ModifiedProperty { name: "Member".to_owned(), old: None, new: Some(label.to_owned()) }
}

fn goes(label: &str) -> ModifiedProperty {
    ModifiedProperty { name: "Member".to_owned(), old: Some(label.to_owned()), new: None }
}
