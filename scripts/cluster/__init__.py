"""What `scripts/simulate_cluster.py` simulates.

film        what is to be done for a film, from its settings
machines    what workers, network and losses are like
clock       what happens when
places      where workers run, who waits for one, and where the time goes
drivers     a film's driver, with the schedule that a render has, and the wire to its machine
workers     a fake worker: takes leases, and lets time pass
simulation  all of it, from the first film's beginning to the last one's end
report      the table
"""
