//! The battery search on drawn problems: its books are kept, no move is accepted that costs more, and
//! routes are saved by breaching on the way.

use rv_base::Rng;
use rv_model::dispatch::Problem;

use super::fleet::Fleet;
use super::moves::descend;
use super::{Search, Trial, Where, press, sites_of};
use crate::format::{Convention, read_problem};
use crate::instance::{Instance, NONE, Scope, compile};
use crate::near::Near;
use crate::recreate::Dice;
use crate::rich::Share;
use crate::search::Span;
use crate::state::State;
use crate::{Budget, Weights, decompose::Part};

/// Customers around a depot with a few chargers, none of which lies in reach of all.
fn drawn(seed: u64, n: usize, width: usize) -> Problem {
    let mut rng = Rng::from_seed(seed);
    let mut text = "StringID Type x y demand ReadyTime DueDate ServiceTime\n\
        D0 d 50 50 0 0 300 0\nS1 f 50 50 0 0 300 0\nS2 f 20 30 0 0 300 0\nS3 f 75 70 0 0 300 0\n"
        .to_string();
    for k in 0..n {
        let (x, y) = (15 + rng.below(70), 15 + rng.below(70));
        let open = 30 + rng.below(160);
        text += &format!("C{k} c {x} {y} {} {open} {} 5\n", 1 + rng.below(9), open + width);
    }
    text += "\nQ Vehicle fuel tank capacity /110.0/\nC Vehicle load capacity /60.0/\n\
        r fuel consumption rate /1.0/\ng inverse refueling rate /0.4/\nv average Velocity /1.0/\n";
    read_problem(&text, Convention::Exact).expect("drawn problems are valid").problem
}

fn compiled(problem: &Problem) -> Instance<'_> {
    let part = Part::all(problem);
    let share = Share::all(problem);
    let scope = Scope { weights: &Weights::equal(), share: &share };
    compile(problem, &part.orders, &part.vehicles, &scope)
}

/// Holds all sums and places to what the sequences say.
fn assert_books(fleet: &Fleet<'_>, n_jobs: usize) {
    let mut anew =
        Fleet::new(fleet.sites, fleet.tours.len(), fleet.prices.per_mm, fleet.cost_fixed);
    anew.prices = fleet.prices;
    let mut n_seen = fleet.absent.len();
    for (v, tour) in fleet.tours.iter().enumerate() {
        assert!(anew.replace(v as u32, &tour.seq));
        for (pos, &id) in tour.seq.iter().enumerate().filter(|(_, id)| fleet.sites.is_stop(**id)) {
            assert_eq!(fleet.spots[id as usize], (v as u32, pos as u32));
            n_seen += 1;
        }
    }
    assert!(fleet.absent.iter().all(|&job| fleet.spots[job as usize].0 == NONE));
    assert_eq!(n_seen, n_jobs, "each stop once");
    assert_eq!((fleet.cost, fleet.broken, fleet.n_used), (anew.cost, anew.broken, anew.n_used));
}

#[test]
fn moves_save_cost_and_books_are_kept_through_every_step_and_undo() {
    let mut n_better = 0;
    for seed in 0..4 {
        let problem = drawn(seed, 40, 60);
        let inst = compiled(&problem);
        let near = Near::new(&inst, 20, 40);
        let sites = sites_of(&inst).expect("battery routes of their own kind");
        let state = State::new(&inst);
        let mut search = Search::new(&state, &sites, &near);
        let mut rng = Rng::from_seed(seed);
        let mut dice = Dice::new(&mut rng);
        search.fleet.absent = (0..inst.jobs.len() as u32).collect();
        search.construct(&mut rng);
        for step in 0..200 {
            search.fleet.prices.per_ms = Some(search.fleet.prices.per_mm * (1 + step % 7));
            search.fleet.begin();
            let before = search.judged();
            let seqs: Vec<_> = search.fleet.tours.iter().map(|t| t.seq.clone()).collect();
            let mut removed = Vec::new();
            search.ruin(dice.below(inst.jobs.len()) as u32, &mut removed, &mut dice);
            for &job in &removed {
                if !search.insert(job, Where::Everywhere, &mut dice) {
                    search.fleet.absent.push(job);
                }
            }
            search.note_work(&removed);
            let recreated = search.judged();
            descend(&mut search.fleet, &near, &mut search.work);
            assert!(search.judged() <= recreated);
            n_better += u32::from(search.judged() < recreated);
            search.fleet.place_chargers();
            assert_books(&search.fleet, inst.jobs.len());
            if step % 3 == 0 {
                search.fleet.undo();
                assert_eq!(search.judged(), before);
                assert!(search.fleet.tours.iter().map(|t| &t.seq).eq(&seqs));
                assert_books(&search.fleet, inst.jobs.len());
            }
        }
    }
    assert!(n_better > 40, "{n_better} descents found anything");
}

#[test]
fn routes_are_saved_by_breaching_on_the_way() {
    let (mut n_built, mut n_begun, mut n_left) = (0, 0, 0);
    for seed in 0..3 {
        let problem = drawn(seed, 40, 60);
        let inst = compiled(&problem);
        let near = Near::new(&inst, 20, 40);
        let sites = sites_of(&inst).expect("battery routes of their own kind");
        let state = State::new(&inst);
        let mut rng = Rng::from_seed(seed);
        let mut search = Search::new(&state, &sites, &near);
        search.fleet.absent = (0..inst.jobs.len() as u32).collect();
        search.construct(&mut rng);
        n_built += search.fleet.n_used;
        // The last stop of each route gets a route of its own.
        let mut dice = Dice::new(&mut rng);
        for v in 0..search.fleet.n_used as u32 {
            let idle = search.fleet.idle().expect("a vehicle for each stop");
            let at = search.fleet.tours[v as usize].seq.len() - 1;
            let mut removed = Vec::new();
            search.fleet.take_out(v, at - 1, at, &mut removed);
            for &job in &removed {
                let mut trial = Trial::default();
                trial.begin(job, i64::MAX / 4);
                search.fleet.consider(&mut trial, idle, 0);
                match trial.place {
                    Some(place) => assert!(search.fleet.insert(&trial, &place)),
                    None => assert!(search.insert(job, Where::Everywhere, &mut dice)),
                }
            }
        }
        search.keep();
        n_begun += search.fleet.n_used;
        let budget = Budget::iterations(20_000);
        let span = Span { iterations: 20_000, spent: 0, progress: None };
        press::reduce(&mut search, &budget, span, 1.0, &mut rng);
        assert_eq!((search.fleet.broken, search.fleet.absent.len()), (0, 0));
        assert_books(&search.fleet, inst.jobs.len());
        n_left += search.fleet.n_used;
    }
    assert!(n_left < n_begun && n_left <= n_built, "{n_left} for {n_built}, of {n_begun}");
}
