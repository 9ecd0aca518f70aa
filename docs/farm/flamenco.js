// A job type for Flamenco: one film, computed by many workers
//
//   neuron-atlas docs flamenco.js > scripts/neuron_atlas.js     beside the program flamenco-manager, which is then
//                                                               started again
//
// A task computes a share of the film; the last one makes film and page when all others are done. A task that was
// ended in the middle goes on where it was, on whichever worker.
// `neuron-atlas docs many-machines` tells more.

const JOB_TYPE = {
  label: "Neuron Atlas",
  description: "A film of what an image classifier dreams",
  settings: [
    {
      key: "config",
      type: "string",
      required: true,
      default: "quickstart",
      description: "Path of a YAML file that all workers see, or the name of a shipped configuration",
    },
    {
      key: "output",
      type: "string",
      subtype: "dir_path",
      required: true,
      description: "The film's directory, which all workers see",
    },
    {
      key: "shards",
      type: "int32",
      required: true,
      default: 4,
      propargs: { min: 1, max: 10000 },
      description: "How many tasks share the film; more than `neuron-atlas check` tells have nothing to do",
    },
    {
      key: "program",
      type: "string",
      default: "neuron-atlas",
      visible: "submission",
      description: "The program on the workers, or a variable of Flamenco's configuration that names it",
    },
  ],
};

function compileJob(job) {
  const settings = job.settings;
  const film = programTask(settings, "film", ["assemble", settings.output]);
  for (let number = 1; number <= settings.shards; number++) {
    const share = `${number}/${settings.shards}`;
    const args = ["render", settings.config, "--output", settings.output, "--shard", share];
    const shard = programTask(settings, `shard ${share}`, args);
    film.addDependency(shard);
    job.addTask(shard);
  }
  job.addTask(film);
}

function programTask(settings, name, args) {
  const task = author.Task(name, "misc");
  task.addCommand(author.Command("exec", { exe: settings.program || "neuron-atlas", args: args }));
  return task;
}
