module headgate.dev/lab/pause

go 1.24
