#!/bin/bash
# A job file for SLURM: one film, computed by many tasks
#
#   neuron-atlas docs slurm.sh > slurm.sh      write this file
#   bash slurm.sh                              after changing the three lines below
#
# That puts two jobs into the queue: an array of tasks, each of which computes its share of the film, and one that
# makes film and page when all are done. A task whose time is over keeps what it has, and is queued again. The same
# command goes on with what was canceled or has failed. `neuron-atlas docs many-machines` tells more.

#SBATCH --job-name=neuron-atlas
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=8
#SBATCH --mem=16G
#SBATCH --time=04:00:00
#SBATCH --signal=B:USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append
# A graphics card for each task, if these two lines begin with a single #:
##SBATCH --partition=gpu
##SBATCH --gpus-per-task=1

config=film.yaml # 1. the configuration: a YAML file, or the name of a shipped one
output=$PWD/film # 2. the film's directory, in a file system that all nodes see, or a URL such as s3://bucket/film
shards=16        # 3. how many tasks share the film; `neuron-atlas check` says how many can

# Here is the place for what makes `neuron-atlas` known on the nodes, such as: source ~/venv/bin/activate

set -u
logs=$PWD/$(basename "$output")-logs
# A run keeps the number of threads that it was begun with; it is what SLURM gives to each task.
export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}

submit() {
  neuron-atlas check "$config" --quick --output "$output" || exit
  mkdir -p "$logs" || exit # SLURM makes no folders
  array=$(sbatch --parsable --array="1-$shards" --output="$logs/shard-%a.log" "$0" shard) || exit
  array=${array%%;*} # what follows names the cluster
  film=$(sbatch --parsable --dependency="afterok:$array" --kill-on-invalid-dep=yes \
    --output="$logs/film.log" "$0" film) || exit
  echo "queued: $shards shards as job $array, then the film as job ${film%%;*}; logs are in $logs"
}

# Run a command; when SLURM says that the time is nearly over (USR1), stop it and have this task queued again.
turn() {
  time_is_over=
  "$@" &
  trap 'time_is_over=1; kill -USR1 $!' USR1
  trap 'kill -TERM $!' TERM                        # scancel: stop too, but stay out of the queue
  wait $!
  while kill -0 $! 2> /dev/null; do wait $!; done  # a signal ends `wait`, not yet the command
  wait $!
  code=$?
  if [ "$code" = 130 ] && [ "$time_is_over" ] && [ "${SLURM_RESTART_COUNT:-0}" -lt 100 ]; then
    scontrol requeue "${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_}${SLURM_ARRAY_TASK_ID:-$SLURM_JOB_ID}"
  elif [ "$code" = 3 ] && [ "${SLURM_ARRAY_TASK_ID-}" ]; then
    code=0 # the film's job tells of classes that could not be rendered
  fi
  exit "$code"
}

case ${1-} in
  shard) turn neuron-atlas render "$config" --output "$output" --shard "$SLURM_ARRAY_TASK_ID/$shards" ;;
  film)
    sleep 60 # other nodes' last files may be seen late in a network file system
    turn neuron-atlas assemble "$output"
    ;;
  *) submit ;;
esac
