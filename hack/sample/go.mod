module headgate.dev/sample

go 1.24
