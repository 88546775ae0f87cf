module headgate.dev/load

go 1.25
