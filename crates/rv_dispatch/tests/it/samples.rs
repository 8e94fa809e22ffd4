//! A small sound file of every format.

/// The worked example of the docs.
pub const JSON: &str = include_str!("../../../../docs/dispatch-example.json");

/// Everything that our own JSON can say.
pub const RICH_JSON: &str = r#"{
  "name": "everything",
  "locations": [{"label": "hub"}, {"label": "plug"}, {"label": "a b"}, {"label": "c"},
    {"label": "d"}, {"label": "now"}],
  "travels": [{"table": {
    "duration_s": [0, 60, 60, 90, 90, 60,  60, 0, 30, 60, 60, 60,  60, 30, 0, 60, null, 60,
      90, 60, 60, 0, 60, 60,  90, 60, 60, 60, 0, 60,  60, 60, 60, 60, 60, 0],
    "distance_m": [0, 600, 600, 900, 900, 600,  600, 0, 300, 600, 600, 600,
      600, 300, 0, 600, null, 600,  900, 600, 600, 0, 600, 600,  900, 600, 600, 600, 0, 600,
      600, 600, 600, 600, 600, 0],
    "energy_wh": [0, 130, 130, 200, 200, 130,  130, 0, 60, 130, 130, 130,
      130, 60, 0, 130, 130, 130,  200, 130, 130, 0, 130, 130,  200, 130, 130, 130, 0, 130,
      130, 130, 130, 130, 130, 0]}}],
  "depots": [{"location": "hub", "window_s": [0, 40000], "reload_s": 30, "stock": [20, 9]}],
  "chargers": [{"location": "plug", "power_w": 20000, "bays": 1, "setup_s": 20},
    {"location": "plug", "swap": true, "setup_s": 300, "window_s": [0, 30000]}],
  "vehicles": [
    {"id": 4, "count": 2, "start_depot": 0, "end": "hub", "shift_s": [0, 20000],
     "duration_s_max": 15000, "distance_m_max": 30000, "capacity": [6, 4], "skills": [0, 3],
     "compartments": [{"capacity": [3, 4]}, {"capacity": [3, 4], "door": "last_in_first_out"}],
     "permits": ["old town"], "cost_fixed": 1, "cost_per_km": 0.5, "cost_per_hour": 10,
     "reload_depots": [0], "reloads_max": 2,
     "battery": {"capacity_wh": 2000, "start_wh": 900, "reserve_wh": 200,
       "curve_wh_w": [[1500, 15000], [2000, 4000]], "load_wh_per_km": [1.5, 0.5]}},
    {"id": 9, "start_location": "now", "shift_s": [100, 9000], "capacity": [5, 5],
     "extra_load": [1, 0], "committed": [{"serve": 3}]}
  ],
  "tenants": [{"name": "post", "share": 0.9, "cost_per_order": 5}],
  "areas": [{"name": "old town", "locations": ["c"], "ways": [["hub", "a b"]]}],
  "skill_names": ["cold", "", "", "lift"],
  "orders": [
    {"id": 1, "load": [2, 1], "skills": [0], "tenant": "post", "release_s": 50,
     "delivery": {"location": "a b", "windows_s": [[200, 900], [2000, 9000]], "service_s": 60,
       "soft": {"window_s": [300, 500], "early_cost_per_hour": 2, "late_cost_per_hour": 9}}},
    {"id": 2, "load": [1, 2], "compartment": 0, "pickup": {"location": "c", "service_s": 30}},
    {"id": 3, "load": [2, 0], "pickup": {"location": "a b"}, "delivery": {"location": "c"},
     "told": {"vehicle": 5, "vehicle_cost": 1, "begin": {"window_s": [600, 900],
       "late_cost_per_hour": 6}}},
    {"id": 7, "load": [1, 1], "on_board": 2, "delivery": {"location": "d", "service_s": 20}},
    {"id": 8, "load": [2, 1], "prize": 12, "tenant": "post", "told": {"depot": 0, "depot_cost": 2},
     "delivery": {"location": "d", "windows_s": [[0, 12000]]}}
  ]
}"#;

const SOLOMON: &str = "R1\n\nVEHICLE\nNUMBER     CAPACITY\n  3         20\n\nCUSTOMER\n\
    CUST NO.  XCOORD.  YCOORD.  DEMAND  READY TIME  DUE DATE  SERVICE TIME\n\n\
    0 35 35 0 0 230 0\n1 41 49 10 61 171 10\n2 35 17 7 50 160 10\n3 55 45 13 16 126 10\n\
    4 55 20 9 49 159 10\n5 15 30 8 34 144 10\n";

const LI_LIM: &str = "3\t20\t1\n0\t40\t50\t0\t0\t1236\t0\t0\t0\n1\t45\t68\t-10\t512\t967\t90\t2\t0\n\
    2\t45\t70\t10\t125\t870\t90\t0\t1\n3\t42\t66\t7\t65\t946\t90\t0\t4\n\
    4\t42\t68\t-7\t327\t1182\t90\t3\t0\n";

const PLACES: &str = "NODE_COORD_SECTION\n1 0 0\n2 30 0\n3 3 9\n4 20 5\n5 9 12\n6 25 11\n";

fn vrplib(kind: &str, head: &str, sections: &str, depots: &str) -> String {
    format!(
        "NAME: small\nCOMMENT: for tests\nTYPE: {kind}\nDIMENSION: 6\nEDGE_WEIGHT_TYPE: EUC_2D\n\
         {head}{PLACES}{sections}DEPOT_SECTION\n{depots}-1\nEOF\n"
    )
}

/// Every format with its name; one depot at node 1, or two at nodes 1 and 2.
pub fn all() -> Vec<(&'static str, String)> {
    let demand = "DEMAND_SECTION\n1 0\n2 4\n3 3\n4 5\n5 2\n6 6\n";
    let demand_of_two = "DEMAND_SECTION\n1 0\n2 0\n3 3\n4 5\n5 2\n6 6\n";
    let windows = "TIME_WINDOW_SECTION\n1 0 300\n2 0 300\n3 5 90\n4 20 120\n5 10 200\n6 40 180\n";
    let service = "SERVICE_TIME_SECTION\n1 0\n2 5\n3 5\n4 5\n5 5\n6 5\n";
    let two = "VEHICLES_DEPOT_SECTION\n1 1\n2 2\n3 2\n";
    let cvrp = vrplib("CVRP", "CAPACITY: 10\n", demand, "1\n");
    let vrptw = vrplib(
        "VRPTW",
        "VEHICLES: 4\nCAPACITY: 12\nSERVICE_TIME: 4\n",
        &format!("{demand}{windows}"),
        "1\n",
    );
    let mdvrptw = vrplib(
        "MDVRPTW",
        "VEHICLES: 3\nCAPACITY: 12\nVEHICLES_MAX_DURATION: 250\n",
        &format!("{demand_of_two}{windows}{service}{two}"),
        "1\n2\n",
    );
    let hfvrp = vrplib(
        "HFVRP",
        "VEHICLES: 3\n",
        &format!(
            "{demand}CAPACITY_SECTION\n1 6\n2 10\n3 20\nVEHICLES_FIXED_COST_SECTION\n1 10\n2 15\n\
             3 40\nVEHICLES_UNIT_DISTANCE_COST_SECTION\n1 1\n2 1.5\n3 2\n"
        ),
        "1\n",
    );
    let trips = vrplib(
        "MTVRPTWR",
        "VEHICLES: 2\nCAPACITY: 8\nSERVICE_TIME: 4\n",
        &format!(
            "{demand}{windows}RELEASE_TIME_SECTION\n1 0\n2 0\n3 5\n4 20\n5 9\n6 30\n\
             VEHICLES_RELOAD_DEPOT_SECTION\n1 1\n2 1\n"
        ),
        "1\n",
    );
    let pairs = vrplib(
        "PDPTW",
        "VEHICLES: 2\nCAPACITY: 10\n",
        "PICKUP_AND_DELIVERY_SECTION\n1 0 0 300 0 0 0\n2 4 0 300 1 0 3\n3 -4 0 300 1 2 0\n\
         4 2 0 300 1 0 5\n5 -2 0 300 1 4 0\n6 3 0 300 1 0 0\n",
        "1\n",
    )
    .replace("DIMENSION: 6", "DIMENSION: 5")
    .replace("6 25 11\n", "")
    .replace("6 3 0 300 1 0 0\n", "");
    let evrptw = "StringID Type x y demand ReadyTime DueDate ServiceTime\n\
        D0 d 0 0 0 0 300 0\nS1 f 10 0 0 0 300 0\nC1 c 20 0 1 60 160 5\nC2 c 12 9 2 10 120 5\n\
        C3 c 4 8 2 20 200 5\n\nQ Vehicle fuel tank capacity /35.0/\n\
        C Vehicle load capacity /4.0/\nr fuel consumption rate /1.0/\n\
        g inverse refueling rate /1.0/\nv average Velocity /1.0/\n";
    vec![
        ("Solomon", SOLOMON.to_owned()),
        ("Li and Lim", LI_LIM.to_owned()),
        ("CVRP", cvrp),
        ("VRPTW", vrptw),
        ("MDVRPTW", mdvrptw),
        ("HFVRP", hfvrp),
        ("multi-trip", trips),
        ("PDPTW", pairs),
        ("EVRPTW", evrptw.to_owned()),
        ("JSON", JSON.to_owned()),
        ("rich JSON", RICH_JSON.to_owned()),
    ]
}
