use lemon_tests::System;

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_is_named_by_the_start_and_by_the_check_and_not_repeated() {
    for (key, variable, value) in [
        ("traces.endpoint", "LEMON_TRACES__ENDPOINT", "hush:4318"),
        (
            "traces.endpoint",
            "LEMON_TRACES__ENDPOINT",
            "grpc://hush:4317",
        ),
        ("traces.sample_ratio", "LEMON_TRACES__SAMPLE_RATIO", "1.01"),
        ("traces.sample_ratio", "LEMON_TRACES__SAMPLE_RATIO", "hush"),
    ] {
        let system = System::builder().env(variable, value);
        let exit = system.clone().try_start().await.err().unwrap();
        assert_eq!(exit.status.code(), Some(2), "{exit}");
        let checked = system.run(&["check"]).await;
        assert_eq!(checked.status.code(), Some(2));
        let checked = String::from_utf8(checked.stderr).unwrap();
        for said in [exit.log.join("\n"), checked] {
            assert!(said.contains(key), "{said}");
            assert!(!said.contains("hush"), "{said}");
        }
    }
}
