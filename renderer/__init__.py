"""Films of what an image classifier dreams about everything it knows.

The modules, in the order the data flows:

config         frozen, checked settings: one YAML file is the only door
classes        class lists, and the selection and order among them
networks       frozen classifiers: the embedded one, and those of torchvision with weights by name or from a file
timeline       the film on paper: which class in which frames, as chains of segments
run_directory  every path of a run, whole-file writes, records, fingerprints, the lock
plan           what is left to do, as rounds of segments
motion         the camera's move from one frame to the next
dream          pixels from gradients; `ascent` joins parameterizations, transforms, objectives and regularizers
sequence       the frames of segments: move, dream, repeat
workers        where segments are computed: in this process, on one device or several
video          frames to files: text, stills, encoding, the film
evaluate       does a network recognize what was dreamed?
page           the web page: grid, search, film and details, in one file
render         one run from start to end, and what can be said of it
serve          the page over loopback while a render runs
display        how the commands say things: progress, tables, states
endings        what is said when a command fails or is interrupted
cli            the commands; the only place that prints and exits
"""
