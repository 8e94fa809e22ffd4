//! Puts the loads of a route into compartments, so that none holds too much and nothing lies in
//! front of what is taken out.

use rv_model::dispatch::{Load, MAX_LOAD_DIMS};

use crate::instance::{Instance, Kind};
use crate::route::{Broken, Run};

/// Most tries to put a load somewhere, for one route.
const TRIES_MAX: usize = 4000;

/// A load on board: after the visit `from`, until the visit `to`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parcel {
    from: u32,
    to: u32,
    load: Load,
    must: Option<u16>,
}

/// Finds a compartment for each load; `out.stowed` then says it for each node of the sequence.
pub(crate) fn stow(
    inst: &Instance<'_>,
    v: u32,
    seq: &[u32],
    n_lenient: usize,
    out: &mut Run,
) -> Result<(), Broken> {
    out.stowed.clear();
    let compartments = &inst.rich.compartments[v as usize];
    if compartments.is_empty() {
        return Ok(());
    }
    let (parcels, of_node) = parcels(inst, v, seq);
    let mut chosen = vec![u16::MAX; parcels.len()];
    let mut n_tries = 0;
    if !place(&parcels, compartments, n_lenient as u32, 0, &mut chosen, &mut n_tries) {
        if seq.len() > n_lenient + 2 {
            return Err(Broken::Space);
        }
        // What was committed is accepted as it is.
        for (chosen, parcel) in chosen.iter_mut().zip(&parcels) {
            *chosen = parcel.must.unwrap_or(0);
        }
    }
    out.stowed.extend(of_node.iter().map(|p| p.map(|p| chosen[p])));
    Ok(())
}

/// The loads by when they come on board, and the one that each node handles.
fn parcels(inst: &Instance<'_>, v: u32, seq: &[u32]) -> (Vec<Parcel>, Vec<Option<usize>>) {
    let mut parcels: Vec<Parcel> = Vec::new();
    let mut positions: Vec<(usize, usize)> = Vec::new();
    let end = seq.len() - 1;
    let mut depot = 0;
    for (pos, &id) in seq.iter().enumerate() {
        let node = &inst.nodes[id as usize];
        let next_depot = || {
            let later = seq.iter().enumerate().skip(pos);
            let mut reloads =
                later.filter(|(_, id)| inst.nodes[**id as usize].kind == Kind::Reload);
            reloads.next().map_or(end, |(at, _)| at)
        };
        let (from, to) = match node.kind {
            Kind::Reload => {
                depot = pos;
                continue;
            }
            Kind::Delivery => (depot, pos),
            Kind::OnBoard => (0, pos),
            Kind::Pickup => (pos, next_depot()),
            Kind::Drop => {
                let first = seq.iter().position(|&other| other == node.mate).unwrap_or(0);
                positions.push((first, parcels.len()));
                (first, pos)
            }
            _ => continue,
        };
        positions.push((pos, parcels.len()));
        parcels.push(Parcel {
            from: from as u32,
            to: to as u32,
            load: node.load,
            must: inst.rich.terms[node.job as usize].compartment,
        });
    }
    // What is on board and not served stays in its compartment, if that is known.
    let first_depot = seq.iter().position(|&id| inst.nodes[id as usize].kind == Kind::Reload);
    for (job, entry) in inst.jobs.iter().enumerate().filter(|(_, j)| j.only == v) {
        let terms = &inst.rich.terms[job];
        if terms.compartment.is_some() && !seq.contains(&entry.first) {
            parcels.push(Parcel {
                from: 0,
                to: first_depot.unwrap_or(end) as u32,
                load: inst.nodes[entry.first as usize].load,
                must: terms.compartment,
            });
        }
    }
    let mut order: Vec<usize> = (0..parcels.len()).collect();
    // Those with no choice first, then by when they come on board.
    order.sort_by_key(|&p| (parcels[p].must.is_none(), parcels[p].from, parcels[p].to));
    let mut rank = vec![0; parcels.len()];
    for (at, &p) in order.iter().enumerate() {
        rank[p] = at;
    }
    let sorted = order.iter().map(|&p| parcels[p]).collect();
    let mut of_node = vec![None; seq.len()];
    for (pos, p) in positions {
        of_node[pos] = Some(rank[p]);
    }
    (sorted, of_node)
}

fn place(
    parcels: &[Parcel],
    compartments: &[(Load, bool)],
    n_lenient: u32,
    at: usize,
    chosen: &mut [u16],
    n_tries: &mut usize,
) -> bool {
    let Some(parcel) = parcels.get(at) else { return true };
    let mut tried: Vec<(Load, bool)> = Vec::new();
    for (number, &(capacity, is_stack)) in compartments.iter().enumerate() {
        let number = number as u16;
        if parcel.must.is_some_and(|must| must != number) {
            continue;
        }
        *n_tries += 1;
        if *n_tries > TRIES_MAX {
            return false;
        }
        // Empty compartments alike are tried once.
        let is_empty = !chosen[..at].contains(&number);
        if is_empty && parcel.must.is_none() {
            let is_needed = parcels[at..].iter().any(|p| p.must == Some(number));
            if !is_needed && tried.contains(&(capacity, is_stack)) {
                continue;
            }
            tried.push((capacity, is_stack));
        }
        chosen[at] = number;
        if fits(parcels, at, chosen, capacity, is_stack, n_lenient)
            && place(parcels, compartments, n_lenient, at + 1, chosen, n_tries)
        {
            return true;
        }
    }
    chosen[at] = u16::MAX;
    false
}

/// Whether a load fits where it was put, beside those put there before.
fn fits(
    parcels: &[Parcel],
    at: usize,
    chosen: &[u16],
    capacity: Load,
    is_stack: bool,
    n_lenient: u32,
) -> bool {
    let parcel = &parcels[at];
    let others = || (0..at).filter(|&o| chosen[o] == chosen[at]).map(|o| &parcels[o]);
    if is_stack {
        let crosses = |a: &Parcel, b: &Parcel| {
            a.from < b.from && b.from < a.to && a.to < b.to && a.to > n_lenient
        };
        if others().any(|o| crosses(o, parcel) || crosses(parcel, o)) {
            return false;
        }
    }
    // The most lies there right after one of them came.
    let first = if n_lenient == 0 { 0 } else { n_lenient + 1 };
    let moments = others().map(|o| o.from).chain([parcel.from, first]);
    moments.filter(|&m| m >= first && parcel.from <= m && m < parcel.to).all(|moment| {
        let mut sum: [i64; MAX_LOAD_DIMS] = parcel.load.map(i64::from);
        for other in others().filter(|o| o.from <= moment && moment < o.to) {
            for (sum, amount) in sum.iter_mut().zip(other.load) {
                *sum += i64::from(amount);
            }
        }
        sum.iter().zip(capacity).all(|(sum, most)| *sum <= i64::from(most))
    })
}
