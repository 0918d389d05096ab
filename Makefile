.PHONY: build test run

build: ; npm run build
test: ; npm test
run: ; npm start
