module fastlike.test/gotest

go 1.24

require github.com/fastly/compute-sdk-go v1.8.1
