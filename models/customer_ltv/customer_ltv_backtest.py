def model(dbt, session):
    from wanderbricks_ml.lifecycle.predicting import backtest

    return backtest(
        session,
        examples=dbt.ref("customer_ltv_examples"),
        decision=dbt.ref("customer_ltv_retraining"),
        versions=dbt.ref("customer_ltv_predictor"),
        experiments=dbt.ref("experiment_state"),
        settings=dbt.config.get("meta"),
    )
