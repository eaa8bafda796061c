# What limits cost for each job: the queue in memory with and without them.  Compare
# with a job's whole time, which is one by drain's figure.
for ((i = 0; i < REPS; i++)); do
    note "limits: run $((i + 1)) of $REPS"
    "$BUILD/t/bench/limits" limited >> "$WORK/with"
    "$BUILD/t/bench/limits" >> "$WORK/without"
done

emit limits job_us us "$WORK/with" "without limits" "$WORK/without"
